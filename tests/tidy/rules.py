"""Rules about one file each: a rule takes (path, text) and yields (line, message)."""
import re

CODE = (".h", ".cpp")
LAYERS = ("config/", "routing/", "billing/", "engine/", "gateway/")
LINES_MAX = 500

TOP_LEVEL = {
    ".ci", ".clang-format", ".clang-tidy", ".git", ".gitignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE",
    "README.md", "billing", "build", "config", "deploy", "engine", "gateway", "routing", "tests",
}

# Sources that have no header of their name: programs, and one command a file.
NO_HEADER = re.compile(r"^(gateway/main|gateway/asio|gateway/cli/.*)\.cpp$")

# Bytes no rule about words looks at: our own patterns.
UNSEARCHED = "tests/tidy/"


def without_comments(text):
    """Comments and literals blanked, line numbers kept."""
    pattern = re.compile(
        r'R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def lines_that_match(pattern, text, message):
    for match in re.finditer(pattern, text, re.M):
        yield text.count("\n", 0, match.start()) + 1, f"{message}: {match[0].strip()[:60]}"


def size(path, text):
    if path.endswith(CODE + (".py",)) or path in ("deploy/quickstart", "tests/run"):
        n_lines = text.count("\n")
        if n_lines > LINES_MAX:
            yield n_lines, f"{n_lines} lines, at most {LINES_MAX}"


def name(path, text):
    if not path.endswith(CODE + (".py", ".mjs")) or path.startswith(UNSEARCHED):
        return
    if not re.fullmatch(r"[a-z0-9_/]+\.\w+", path):
        yield 1, "names are snake_case"
    if "\nTEST_CASE(" in text and not path.endswith("_test.cpp"):
        yield 1, "tests are named <file>_test.cpp"
    if "LLVMFuzzerTestOneInput" in text and not path.endswith(("_fuzz.cpp", "/replay_main.cpp")):
        yield 1, "fuzz targets are named <parser>_fuzz.cpp"


def own_header(path, text):
    """A source of a layer implements a header of its own folder, so it includes one."""
    if not path.startswith(LAYERS) or not path.endswith(".cpp") or NO_HEADER.match(path):
        return
    folder = path.rpartition("/")[0]
    if not any(header.rpartition("/")[0] == folder
               for header in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.M)):
        yield 1, "no header of its own folder is included: which one does this file implement?"


def top_level(entries):
    for entry in sorted(set(entries) - TOP_LEVEL):
        yield entry, 1, "not one of the top-level entries: give it a folder"


def pragma_once(path, text):
    if path.endswith(".h") and not re.match(r"#pragma once\n", text):
        yield 1, "a header begins with #pragma once"


def machine_paths(path, text):
    if not path.startswith(UNSEARCHED):
        yield from lines_that_match(r"(?<![\w.$}~-])/(?:work|root|home|Users)/\S*", text, "a path of one machine")


def registry_hosts(path, text):
    hosts = (r"\b(?:pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|(?:deb|ftp|security)\.debian\.org|"
             r"snapshot\.debian\.org|crates\.io|proxy\.golang\.org|ghcr\.io|docker\.io|quay\.io|huggingface\.co)\b")
    if not path.startswith(UNSEARCHED):
        yield from lines_that_match(hosts, text, "a registry's host")


def left_over(path, text):
    if not path.startswith(UNSEARCHED):
        yield from lines_that_match(r"\b(?:TODO|FIXME|XXX|HACK)\b", text, "finish it or leave it out")


def wall_clock(path, text):
    if path.endswith(CODE) and path.startswith(LAYERS) and path not in (
            "gateway/telemetry/wall_clock.cpp", "billing/wall_clock.cpp"):
        yield from lines_that_match(
            r"\bsystem_clock\s*::\s*now\b|\bgettimeofday\b|\bCLOCK_REALTIME\b|(?<![\w.>])time\s*\(\s*(?:nullptr|NULL|0)\s*\)",
            without_comments(text), "the time of day comes from wall_clock.h")


def environment(path, text):
    if path.endswith(CODE) and path.startswith(LAYERS) and not path.startswith(("gateway/cli/", "gateway/main")):
        yield from lines_that_match(r"\b(?:secure_)?getenv\b", without_comments(text), "only commands read the environment")


def sql_literals(path, text):
    """SQL is a literal or a constant, never text put together. billing/sqlite.cpp wraps the call, schema.cpp joins
    constants, migration.cpp goes through lists of them."""
    free = ("billing/sqlite.cpp", "billing/schema.cpp", "billing/migration.cpp")
    if path.startswith(LAYERS) and path not in free:
        yield from lines_that_match(r"\bsqlite3_exec\s*\(\s*[^,]+,(?!\s*(?:\"|R\"|k[A-Z]\w*\s*,))[^,]*", text,
                                    "sqlite3_exec takes literals only")
    if path.startswith("billing/") and path.endswith(".cpp") and path not in free:
        yield from lines_that_match(r"(?:\.|->)execute\s*\((?!\s*(?:\"|R\"|k[A-Z]\w*\s*\)))[^)]*", text,
                                    "SQL is a literal or a constant")


def exact_money(path, text):
    if path.startswith(("billing/", "config/units")) and path.endswith(CODE) and path != "billing/stopwatch.h":
        code = without_comments(text)
        code = re.sub(r"\bdouble seconds\b", " " * 14, code)  # how long a commit took is no money
        yield from lines_that_match(r"\b(?:float|double|long double|strtod|stod|stof)\b", code, "money is integers")


def sleeping_tests(path, text):
    if path.startswith("tests/") and path.endswith(CODE):
        yield from lines_that_match(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(", without_comments(text),
                                    "a test waits for what happens, not for a time")


def conditional_await(path, text):
    """g++ 12 destroys what a co_await inside ?: yields twice."""
    if path.endswith(CODE):
        yield from lines_that_match(r"\?[^;{}]*\bco_await\b", without_comments(text), "no co_await inside ?:")


def endings(path, text):
    if path.endswith(CODE + (".py", ".txt", ".cmake", ".yaml", ".mjs")) or path in ("deploy/quickstart", "tests/run"):
        if text and not text.endswith("\n"):
            yield text.count("\n") + 1, "no newline at the end"
        yield from lines_that_match(r"[ \t]+$", text, "blanks at the end of a line")


FILE_RULES = [size, name, own_header, pragma_once, machine_paths, registry_hosts, left_over, wall_clock, environment, sql_literals,
              exact_money, sleeping_tests, conditional_await, endings]
