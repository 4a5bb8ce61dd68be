#!/usr/bin/env python3
"""Adds up test results: count.py FILE... prints "N passed, N failed" and exits 1 if anything failed.

A file is a LastTest.log of ctest, in which a program's own count of cases stands for it, or plain text
whose "N passed, N failed" lines are added.
"""
import re
import sys

CATCH_PASSED = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)", re.M)
CATCH_FAILED = re.compile(r"^test cases:\s*(\d+)(?: \|\s*(\d+) passed)?(?: \|\s*(\d+) failed)?", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed", re.M)


def of_text(text):
    """What one program printed: (passed, failed), or None if it printed no count."""
    plain = PLAIN.findall(text)
    if plain:
        return sum(int(p) for p, _ in plain), sum(int(f) for _, f in plain)
    failed = CATCH_FAILED.search(text)
    if failed:
        return int(failed[2] or 0), int(failed[3] or 0)
    passed = CATCH_PASSED.search(text)
    return (int(passed[1]), 0) if passed else None


def of_ctest(text):
    passed = failed = 0
    for entry in re.split(r"^\d+/\d+ Test(?:ing)?: ", text, flags=re.M)[1:]:
        if "Output:\n" not in entry:
            continue
        ok = "\nTest Passed." in entry
        counts = of_text(entry) or (1, 0)
        passed += counts[0]
        failed += counts[1] if ok or counts[1] else 1
    return passed, failed


def main():
    passed = failed = 0
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8", errors="replace") as file:
            text = file.read()
        p, f = of_ctest(text) if text.startswith("Start testing:") else of_text(text) or (0, 1)
        passed += p
        failed += f
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
