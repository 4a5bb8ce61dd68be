#!/usr/bin/env python3
"""SDKs as people install them, unpatched, against the running program, both roads.

sdk.py [--build DIR] [--write] [--only CLIENT]...; packages are kept in build/sdk. Each client's script is a list of cases, each
of a feature and a road: `local` is the engine with random weights, `remote` an upstream. The table of which client can do what
stands in tests/README.md: --write writes it, without it an old one is a failure. The last line is "N passed, N failed".
"""
import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]
sys.dont_write_bytecode = True

import packages  # noqa: E402
import table  # noqa: E402

REMOTE = ["structured", "retry-429", "retry-503", "error-400", "error-401", "error-429", "error-500", "endless", "silent", "cut"]
TERMS = "n_ctx: 1000000, output_tokens_max: 100000, output_tokens_default: 1000, price: remote"
TIMEOUTS = "{connect: 5s, ttft: 60s, idle: 60s, total: 120s}"
SECONDS_MAX = 240  # of a client that hangs
ENTRY = re.compile(r"\b(route|endpoint|status|outcome|stream|attempts)=(\S+)")


class Served:
    """The program between a client and its upstream, and what it knows of the client's requests."""

    def __init__(self, weir, upstream):
        self.weir, self.upstream = weir, upstream
        self.n_told = self.n_hung_up = 0

    def requests(self):
        return [dict(ENTRY.findall(line)) for line in list(self.weir.log_lines) if " event=request " in line]

    def is_settled(self):
        """Whether every request that came has ended, here and at the upstream, and holds no money."""
        samples = self.weir.scrape()
        counted = sum(value for name, value in samples.items() if name.startswith("weir_requests_total{"))
        running = sum(value for name, value in samples.items() if name.startswith(("weir_endpoint_inflight", "weir_streams_open")))
        return (counted == len(self.requests()) and running == 0 and self.upstream.n_answering == 0
                and self.weir.balance()[1] == 0)

    def news(self):
        """The requests since it was last asked, once all have ended, and how many streams the upstream saw hung up."""
        self.weir.wait_until(self.is_settled, "every request to end")
        entries, hung_up = self.requests(), self.upstream.n_hung_up
        told = {"requests": entries[self.n_told:], "n_hung_up": hung_up - self.n_hung_up}
        self.n_told, self.n_hung_up = len(entries), hung_up
        return told

    def asked(self):
        self.weir.wait_until(lambda: self.upstream.n_answering, "the upstream to be asked")
        return {}

    def refused(self):
        """Lets what is held go on, once somebody was told to come again."""
        self.weir.wait_until(lambda: any(entry["status"] == "429" for entry in self.requests()[self.n_told:]), "a 429")
        self.upstream.released.set()
        return {}

    def __enter__(self):
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                tell = {"/news": served.news, "/asked": served.asked, "/refused": served.refused}[self.path]
                body = json.dumps(tell()).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def configured(upstream):
    """The program; `loop` is at an upstream of DeepSeek's kind, which wants its reasoning back, and a key has one `held` at a
    time."""
    from weir import Weir
    weir = Weir(upstream=upstream.base_url, remote_models=REMOTE, timeouts=TIMEOUTS, limits="limits: {body_bytes_max: 1MiB}\n",
                endpoints=f"  loop: {{upstream: deep, model: loop, {TERMS}}}\n  held: {{upstream: up, model: held, {TERMS}}}\n",
                routes="  loop: {plan: [loop]}\n  held: {plan: [held], rate_limits: {key: {n_running_max: 1}}}\n")
    text = weir.config.read_text()
    assert "upstreams:\n" in text
    weir.write_config(text.replace(
        "upstreams:\n", f'upstreams:\n  deep: {{kind: deepseek, base_url: "{upstream.base_url}", api_key: "sk-deep"}}\n'))
    return weir


def client(command, environment):
    """Its exit code and what it printed, which is passed on as it comes."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    guard = threading.Timer(SECONDS_MAX, process.kill)
    guard.start()
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    guard.cancel()
    return process.wait(), "".join(lines)


def run(name):
    """A client's cases: {(feature, road): [whether each held]}, and how many passed and failed."""
    from upstream import Upstream
    with Upstream() as upstream, configured(upstream) as weir:
        keys = {"KEY": weir.account(credit="1000.00"), "POOR_KEY": weir.account("poor", credit=None)}
        weir.start()
        with Served(weir, upstream) as served:
            environment = {**os.environ, **keys, "BASE_URL": f"http://127.0.0.1:{weir.api[1]}/v1", "SERVED_URL": served.url}
            code, said = client(packages.command(name), environment)
            served.news()
        weir.verify()
        clean = weir.stop() == 0
    held = {}
    cases = re.findall(r"^(ok|FAILED) +(\w+) (local|remote) ", said, re.M)
    for word, feature, road in cases:
        held.setdefault((feature, road), []).append(word == "ok")
    n_passed = sum(word == "ok" for word, _, _ in cases)
    whole = code == (n_passed < len(cases)) and f"\n{n_passed} held, {len(cases) - n_passed} failed\n" in said
    return held, n_passed, len(cases) - n_passed + (not whole) + (not clean)


def h38_two_official_sdks(names):
    """All the clients, the two official SDKs in two versions each among them: {client: held}, passed, failed."""
    everything, n_passed, n_failed = {}, 0, 0
    for name in names:
        begun = time.monotonic()
        held, passed, failed = run(name)
        print(f"{name}: {passed} held, {failed} failed, {time.monotonic() - begun:.0f} s\n", flush=True)
        everything[name] = held
        n_passed, n_failed = n_passed + passed, n_failed + failed
    return everything, n_passed, n_failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", action="append", choices=packages.CLIENTS)
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(Path(arguments.build).resolve())
    names = arguments.only or list(packages.CLIENTS)
    begun = time.monotonic()
    faults = packages.install_all(names)
    print(*faults, f"installed in {time.monotonic() - begun:.0f} s\n", sep="\n", flush=True)
    if faults:
        print(f"0 passed, {len(faults)} failed")
        return 1
    everything, n_passed, n_failed = h38_two_official_sdks(names)
    if not arguments.only:
        faults = table.update(everything, arguments.write)
        print(*faults, sep="\n")
        n_failed += len(faults)
    print(f"{n_passed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
