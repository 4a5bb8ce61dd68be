#!/usr/bin/env python3
"""Runs integration tests against a built program: run.py [--build DIR] [-k PATTERN] MODULE...

Without modules: all of test_*.py. Skips are said loudly; the last line is "N passed, N failed".
"""
import argparse
import os
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.n_passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def say(self, word, test, text=""):
        name = test.id().removeprefix("unittest.loader._FailedTest.")
        print(f"{word:7} {time.monotonic() - self.begun:6.2f} s  {name}{text}", flush=True)

    def addSuccess(self, test):
        self.n_passed += 1
        self.say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("FAILED", test, "\n" + self.failures[-1][1])

    def addError(self, test, err):
        self.begun = getattr(self, "begun", time.monotonic())
        super().addError(test, err)
        self.say("FAILED", test, "\n" + self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            kept = self.failures if issubclass(err[0], test.failureException) else self.errors
            self.say("FAILED", subtest, "\n" + kept[-1][1])
        else:
            self.n_passed += 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"SKIPPED {test.id()}: {reason}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("-k", dest="pattern")
    parser.add_argument("modules", nargs="*")
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(Path(arguments.build).resolve())
    sys.path.insert(0, str(HERE))
    sys.dont_write_bytecode = True

    import weir
    if not weir.PROGRAM.exists():
        print(f"{weir.PROGRAM} is not built\n0 passed, 1 failed")
        return 1
    loader = unittest.TestLoader()
    if arguments.pattern:
        loader.testNamePatterns = [f"*{arguments.pattern}*"]
    modules = arguments.modules or sorted(path.stem for path in HERE.glob("test_*.py"))
    result = Result()
    unittest.TestSuite(loader.loadTestsFromName(Path(name).stem) for name in modules).run(result)
    n_failed = len(result.failures) + len(result.errors)
    print(f"{result.n_passed} passed, {n_failed} failed")
    return 1 if n_failed or not result.n_passed else 0


if __name__ == "__main__":
    sys.exit(main())
