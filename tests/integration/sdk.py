#!/usr/bin/env python3
"""The official SDKs, newest from their packages and unpatched, against the running program, both roads.

sdk.py [--build DIR]; packages are kept in build/sdk. The last line is "N passed, N failed".
"""
import argparse
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[1] / "build" / "sdk"
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True


def install(name, command, present):
    """Brings a package to its newest version; an older one that is there will do if that fails, loudly."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        print(result.stdout + result.stderr)
        if not present.exists():
            raise SystemExit(f"cannot install {name}\n0 passed, 1 failed")
        print(f"WARNING: {name} is the version of an earlier run", flush=True)


def packages():
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(PLACE / "venv", with_pip=True)
    library = PLACE / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "openai"
    install("openai (Python)", [python, "-m", "pip", "install", "-q", "--upgrade", "openai"], library)
    install("openai (JavaScript)", ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", PLACE, "openai@latest"],
            PLACE / "node_modules" / "openai")
    return python


def run(command, environment):
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)
    print(result.stdout + result.stderr, flush=True)
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", result.stdout, re.M)
    if not counts or (result.returncode == 0) != (counts[-1][1] == "0"):
        return 0, 1
    return int(counts[-1][0]), int(counts[-1][1])


def h38_two_official_sdks(python, environment):
    total = [run([python, HERE / "sdk_python.py"], environment)]
    script = PLACE / "sdk_node.mjs"  # beside node_modules, so that it finds the package
    script.write_text((HERE / "sdk_node.mjs").read_text())
    return [*total, run(["node", script], environment)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(Path(arguments.build).resolve())
    from mock import Mock
    from weir import Weir

    python = packages()
    with Mock() as mock, Weir(upstream=mock.base_url, remote_models=["fault-4", "fault-7-k3", "fault-13", "ok-n1000-ms20"]) as weir:
        environment = {"BASE_URL": "", "KEY": weir.account(), "POOR_KEY": weir.account("poor", credit=None)}
        weir.start()
        environment["BASE_URL"] = f"http://127.0.0.1:{weir.api[1]}/v1"
        total = h38_two_official_sdks(python, environment)
        weir.wait_until(lambda: weir.balance()[1] == 0, "every hold to end")
        weir.verify()
        clean = weir.stop() == 0
    n_failed = sum(failed for _, failed in total) + (not clean)
    print(f"{sum(passed for passed, _ in total)} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
