#!/usr/bin/env python3
"""Holds the tree to the house rules: layers, libraries, names, sizes and a few things that must not occur.

tidy.py [ROOT] first proves each rule on a bad sample, then prints every violation as FILE:LINE: MESSAGE.
"""
import os
import sys

import layers
import rules

UNWALKED = {".git", "build", "node_modules", "__pycache__", ".venv"}
LOCAL = (".db", ".db-wal", ".db-shm", ".db.lock", ".db.sock", ".db.pepper", ".db.anchors", ".pyc")  # as .gitignore says
BINARY_FOLDERS = ("tests/fuzz/corpus/",)

# rule, path, text that breaks it
BAD = [
    (rules.size, "config/a.cpp", "x\n" * 501),
    (rules.name, "config/LoadAll.cpp", ""),
    (rules.name, "tests/billing/ledger.cpp", '\nTEST_CASE("x") {}\n'),
    (rules.name, "tests/fuzz/yaml.cpp", "int LLVMFuzzerTestOneInput(const uint8_t*, size_t);\n"),
    (rules.own_header, "billing/a.cpp", '#include "config/units.h"\nint a;\n'),
    (rules.pragma_once, "config/a.h", "#include <string>\n"),
    (rules.machine_paths, "deploy/weir.yaml", "path: /ro" "ot/weir.db\n"),
    (rules.machine_paths, "README.md", "see /wo" "rk/main\n"),
    (rules.registry_hosts, "tests/run", "curl https://py" "pi.org/simple\n"),
    (rules.left_over, "billing/a.cpp", "// TO" "DO later\n"),
    (rules.wall_clock, "billing/a.cpp", "auto t = std::chrono::system_clock::now();\n"),
    (rules.wall_clock, "gateway/chat/a.cpp", "auto t = time(nullptr);\n"),
    (rules.environment, "config/a.cpp", 'const char* home = getenv("HOME");\n'),
    (rules.sql_literals, "billing/a.cpp", "sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);\n"),
    (rules.sql_literals, "billing/a.cpp", 'sqlite3_exec(db, fmt::format("DROP {}", x).c_str(), 0, 0, 0);\n'),
    (rules.sql_literals, "billing/a.cpp", 'db.execute("DROP TABLE " + name);\ndb.execute(text);\n'),
    (rules.exact_money, "billing/a.cpp", "double usd = 0;\n"),
    (rules.exact_money, "config/units.cpp", "return stod(text);\n"),
    (rules.sleeping_tests, "tests/gateway/a_test.cpp", "std::this_thread::sleep_for(1s);\n"),
    (rules.conditional_await, "gateway/chat/a.cpp", "auto x = ready ? y\n : co_await z();\n"),
    (rules.endings, "config/a.cpp", "int a;"),
    (rules.endings, "config/a.cpp", "int a; \n"),
    (layers.check, "config/a.cpp", '#include "billing/types.h"\n'),
    (layers.check, "routing/a.cpp", '#include "billing/types.h"\n'),
    (layers.check, "billing/a.cpp", '#include "routing/router.h"\n'),
    (layers.check, "engine/model/a.cpp", '#include "gateway/gateway.h"\n'),
    (layers.check, "gateway/chat/a.cpp", '#include "engine/model/model.h"\n'),
    (layers.check, "gateway/server/a.cpp", '#include "gateway/api/api_error.h"\n'),
    (layers.check, "gateway/upstream/a.cpp", '#include "gateway/server/server.h"\n'),
    (layers.check, "gateway/api/a.cpp", '#include "gateway/server/server.h"\n'),
    (layers.check, "config/a.cpp", '#include "units.h"\n'),
    (layers.check, "config/a.cpp", '#include "../config/units.h"\n'),
    (layers.check, "config/a.cpp", "#include <config/units.h>\n"),
    (layers.check, "gateway/chat/a.cpp", "#include <sqlite3.h>\n"),
    (layers.check, "config/loader.h", "#include <yaml-cpp/yaml.h>\n"),
    (layers.check, "engine/a.cpp", "#include <boost/asio.hpp>\n"),
    (layers.check, "gateway/chat/a.cpp", "#include <curl/curl.h>\n"),
    (layers.check, "gateway/server/a.cpp", "#include <CLI/CLI.hpp>\n"),
]

# rule, path, text that looks bad and is not
GOOD = [
    (rules.own_header, "config/rfc3339.cpp", '#include <string>\n\n#include "config/units.h"\n'),
    (rules.sql_literals, "billing/a.cpp", 'sqlite3_exec(db, "PRAGMA x", nullptr, nullptr, nullptr);\n'),
    (rules.sql_literals, "billing/a.cpp", "sqlite3_exec(db, kSchema, nullptr, nullptr, nullptr);\n"),
    (rules.exact_money, "billing/a.cpp", '// no double here\nconst char* s = "double";\n'),
    (rules.wall_clock, "gateway/telemetry/wall_clock.cpp", "system_clock::now()\n"),
    (rules.machine_paths, "README.md", "see $HOME/work/x, build/home/y and ../root/z\n"),
    (layers.check, "gateway/chat/a.cpp", '#include "engine/engine.h"\n#include <boost/asio/post.hpp>\n'),
    (layers.check, "gateway/server/tls.h", "#include <openssl/ssl.h>\n"),
    (layers.check, "engine/kernels/a.cpp", '#include "engine/kernels/a.h"\n'),
]


def self_test():
    for rule, path, text in BAD:
        if not list(rule(path, text)):
            yield f"tidy: {rule.__module__}.{rule.__name__} does not see what is wrong in {path}: {text[:60]!r}"
    for rule, path, text in GOOD:
        for _, message in rule(path, text):
            yield f"tidy: {rule.__module__}.{rule.__name__} is wrong about {path}: {message}"
    if not list(rules.top_level(["notes.txt"])):
        yield "tidy: rules.top_level is wrong"


def files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in UNWALKED)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if path != ".git" and not path.endswith(LOCAL):  # .git is a file in a second work tree
                yield path


def violations(root):
    paths = list(files(root))
    entries = {path.split("/")[0] for path in paths}
    for path, line, message in rules.top_level(entries):
        yield f"{path}:{line}: {message}"
    for path in paths:
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
        if b"\0" in data or path.startswith(BINARY_FOLDERS):
            continue
        text = data.decode("utf-8", errors="replace")
        for rule in [*rules.FILE_RULES, layers.check]:
            for line, message in rule(path, text):
                yield f"{path}:{line}: {message}"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    found = [*self_test(), *violations(root)]
    for line in found:
        print(line)
    n_rules = len(rules.FILE_RULES) + 2
    print(f"tidy: {n_rules} rules on {len(BAD) + len(GOOD)} samples, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
