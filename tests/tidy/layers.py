"""Which folder may include what: the layers of the program, and who may use which library."""
import re

# A folder of ours -> the folders and single headers it may include. The longest matching folder decides.
OURS = {
    "config": {"config"},
    "routing": {"routing", "config"},
    "billing": {"billing", "config"},
    "engine": {"engine", "config"},
    "gateway": {"gateway", "routing", "billing", "config", "engine/engine.h", "engine/model_tools.h"},
    # Below gateway: the server knows no dialect, the dialect no socket, an upstream no client's connection.
    "gateway/server": {"gateway/server", "gateway/telemetry/wall_clock.h", "config"},
    "gateway/api": {"gateway/api", "gateway/chat/attempt.h", "gateway/server/http_types.h", "routing", "billing", "config",
                    "engine/engine.h"},
    "gateway/upstream": {"gateway/upstream", "gateway/api/chat_request.h", "gateway/api/request_id.h",
                         "gateway/chat/attempt.h", "gateway/chat/wake.h", "gateway/telemetry/version.h",
                         "gateway/telemetry/wall_clock.h", "routing", "billing", "config"},
    "gateway/telemetry": {"gateway/telemetry", "gateway/server/http_types.h", "routing", "billing", "config",
                          "engine/engine.h"},
    "gateway/chat": {"gateway/chat", "gateway/api", "gateway/server", "gateway/upstream", "gateway/telemetry",
                     "routing", "billing", "config", "engine/engine.h"},
    "tests": {"tests", "gateway", "routing", "billing", "engine", "config"},
}

# A library's include prefix -> the folders that may use it; "*.cpp" after a folder: not in its headers.
LIBRARIES = {
    "yaml-cpp/": ["config *.cpp"],
    "sqlite3.h": ["billing *.cpp", "gateway/cli/version.cpp", "tests/billing"],
    "date/": ["config *.cpp", "billing *.cpp"],
    "openssl/": ["billing *.cpp", "gateway *.cpp", "gateway/server", "tests"],
    "boost/": ["gateway", "tests/gateway", "tests/support", "tests/fuzz", "tests/bench"],
    "curl/": ["gateway/upstream", "gateway/cli *.cpp", "tests/gateway"],
    "CLI/": ["gateway/cli", "gateway/main.cpp"],
    "prometheus/": ["gateway/telemetry"],
    "spdlog/": ["engine *.cpp", "gateway"],
    "fmt/": ["config *.cpp", "routing *.cpp", "billing *.cpp", "engine *.cpp", "gateway"],
    "nlohmann/": ["engine", "gateway", "tests"],
    "simdjson.h": ["gateway *.cpp", "gateway/api", "gateway/upstream", "tests"],
    "pcre2.h": ["engine *.cpp"],
    "catch2/": ["tests"],
    "rapidcheck": ["tests"],
    "tl/expected.hpp": ["config", "routing", "billing", "engine", "gateway", "tests"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def rule_of(path):
    """The allowance of the longest folder of OURS that holds `path`, or None."""
    folders = [folder for folder in OURS if path.startswith(folder + "/")]
    return OURS[max(folders, key=len)] if folders else None


def in_allowance(header, allowance):
    return any(header == entry or header.startswith(entry + "/") for entry in allowance)


def may_use(path, allowances):
    for allowance in allowances:
        folder, _, only = allowance.partition(" ")
        if path == folder or path.startswith(folder + "/"):
            if not only or path.endswith(".cpp"):
                return True
    return False


def check(path, text):
    """Yields (line, message) for each include that crosses a layer or a library's border."""
    if not path.endswith((".h", ".cpp")):
        return
    allowance = rule_of(path)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        kind, header = match[1], match[2]
        if kind == '"':
            if header.startswith(".") or "/" not in header:
                yield line, f'include "{header}" from the repository root'
            elif allowance is not None and not in_allowance(header, allowance):
                yield line, f'this layer may not include "{header}"'
            continue
        for prefix, folders in LIBRARIES.items():
            if header.startswith(prefix) and not may_use(path, folders):
                yield line, f"<{header}> belongs to {', '.join(folders)}"
        if header.split("/")[0] in ("config", "routing", "billing", "engine", "gateway"):
            yield line, f'<{header}> is ours: include it with quotes'
