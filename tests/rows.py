#!/usr/bin/env python3
"""Which rows of rows.txt hold, and the test that shows it: writes the table of tests/README.md, or checks it.

rows.py [--check]. A test holds the rows whose ids stand in its name: `test_c04_empty_body` in tests/integration, where
the tests are those that the loader finds, and `TEST_CASE("api error: H02 and H03, keys")` or `{"C04 empty", ...}`, a
section's name, in C++. A row without a test stands in OPEN with its reason; one with a test must not.
"""
import argparse
import re
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
INTEGRATION, SDK = HERE / "integration", HERE / "sdk"
README = HERE / "README.md"
SOURCE = HERE.parents[1] / "shared" / "reference" / "openai-wire.md"  # where the rows come from, if it is there
BEGIN, END = "<!-- rows.py begins -->\n", "<!-- rows.py ends -->\n"
LETTERS = {"C": "Requests", "T": "Tools", "S": "Streaming", "L": "Sampling details, of the engine",
           "H": "HTTP, limits, credentials", "M": "Telemetry"}

# Rows that do not hold, and why.
OPEN = {
    "L01": "the engine makes one answer a request; n above 1 is refused with 400, or goes to the next endpoint of the plan.",
    "M05": "no traces are sent; a traceparent is neither read nor passed on.",
}

# What a row asks for besides, and does not get.
LESS = {
    "H38": "Without embeddings and responses, which are not there",
}


def rows():
    """{id: (request, must hold)}, in the order of the file."""
    found = {}
    for line in (HERE / "rows.txt").read_text().splitlines():
        row, _, request, holds = line.strip("| ").split(" | ")
        found[row] = (request, holds)
    return found


def cases(suite):
    for item in suite:
        yield from cases(item) if isinstance(item, unittest.TestSuite) else [item]


def python_tests():
    """(rows, (file, name), is skipped) of each test of tests/integration, and of the functions of its scripts and those of tests/sdk."""
    sys.path.insert(0, str(INTEGRATION))
    sys.dont_write_bytecode = True
    for path in sorted([*INTEGRATION.glob("*.py"), *SDK.glob("*.py")]):
        if not path.stem.startswith("test_"):
            for name in re.findall(r"^def ((?:[ctslhm]\d\d_)+\w*)\(", path.read_text(), re.M):
                yield re.findall(r"[ctslhm]\d\d(?=_)", name), (f"`{path.parent.name}/{path.name}`", name), False
            continue
        for case in cases(unittest.defaultTestLoader.loadTestsFromName(path.stem)):
            name = case.id().rpartition(".")[2]
            if match := re.match(r"test_((?:[ctslhm]\d\d_)+)", name):
                method = getattr(case, name)
                skipped = any(getattr(what, "__unittest_skip__", False) for what in (case, method))
                yield re.findall(r"[ctslhm]\d\d", match[1]), (f"`integration/{path.name}`", name), skipped


def spread(text):
    """The ids in a name; "S03 to S06" is four."""
    for first, last in re.findall(r"\b([CTSLHM]\d\d)(?: to ([CTSLHM]\d\d))?\b", text):
        yield from (f"{first[0]}{n:02}" for n in range(int(first[1:]), int((last or first)[1:]) + 1))


def cpp_tests():
    for path in sorted(HERE.glob("*/*_test.cpp")):
        text = path.read_text()
        cases = re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.|"\s*")*)"', text)
        for name in cases + re.findall(r'^\s*\{"([CTSLHM]\d\d[^"]*)",', text, re.M):
            yield list(spread(name)), (f"`{path.parent.name}/{path.name}`", name), False


def held(known):
    """{id: [(file, name)] of the tests that hold it}, and what is wrong with them. Where the real program is tested, no unit
    test is named beside it."""
    found, faults = {}, []
    for tests in (python_tests(), cpp_tests()):
        by_socket = set(found)
        for ids, test, skipped in tests:
            for row in (row.upper() for row in ids):
                if row not in known:
                    faults.append(f"{test[1]}: there is no row {row}")
                elif skipped:
                    faults.append(f"{test[1]}: a test that is skipped holds nothing")
                elif row not in by_socket:
                    found.setdefault(row, []).append(test)
    return found, faults


def told(tests):
    """Each file once, with its tests."""
    files = dict.fromkeys(file for file, _ in tests)
    return "; ".join(f"{file} {', '.join(name for at, name in tests if at == file)}" for file in files)


def table(known, tests):
    out = []
    for letter, title in LETTERS.items():
        mine = {row: text for row, text in known.items() if row[0] == letter}
        n_held = sum(row in tests for row in mine)
        out.append(f"### {letter}: {title}\n\n{n_held} of {len(mine)} hold.\n")
        out.append("| row | request | must hold | held by |\n| --- | --- | --- | --- |")
        for row, (request, holds) in mine.items():
            by = told(tests.get(row, [])) or f"**does not hold:** {OPEN.get(row, '')}"
            if row in LESS:
                by += f". {LESS[row]}"
            out.append(f"| {row} | {request} | {holds} | {by} |")
        out.append("")
    return "\n".join(out)


def faults_of(known, tests):
    for row in known:
        if row not in tests and row not in OPEN:
            yield f"rows.py: {row} has no test, and OPEN does not say why"
        if row in tests and row in OPEN:
            yield f"rows.py: {row} has a test, so OPEN must not say that it does not hold"
    for row in (OPEN.keys() | LESS.keys()) - known.keys():
        yield f"rows.py: there is no row {row}"
    for row in LESS.keys() - tests.keys():
        yield f"rows.py: {row} does not hold, so OPEN says it all"
    if SOURCE.exists():
        stand = set(re.findall(r"^\| [CTSLHM]\d\d \|.*", SOURCE.read_text(), re.M))
        copied = set((HERE / "rows.txt").read_text().splitlines())
        for line in sorted(stand ^ copied):
            yield f"rows.txt differs from where it comes from: {line[:100]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="say whether tests/README.md is what would be written")
    arguments = parser.parse_args()
    known = rows()
    tests, faults = held(known)
    faults += faults_of(known, tests)
    old = README.read_text()
    before, _, rest = old.partition(BEGIN)
    new = before + BEGIN + "\n" + table(known, tests) + "\n" + END + rest.partition(END)[2]
    if not arguments.check:
        README.write_text(new)
    elif new != old:
        faults.append("tests/README.md is not what rows.py writes: run it")
    print("\n".join([*faults, f"{len(tests)} of {len(known)} rows hold"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
