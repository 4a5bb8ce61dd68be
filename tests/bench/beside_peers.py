#!/usr/bin/env python3
"""What a client sees and what is charged when things fail, beside the dated cells of peers-measured.md:
beside_peers.py [--build DIR] [--write]. With --write the tables go into tests/bench/README.md.

Measured here on the scripted upstream of tests/support; the others' cells are read from the reference, which must be there.
"""
import argparse
import json
import os
import random
import re
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
REFERENCE = HERE.parents[2] / "shared" / "reference" / "peers-measured.md"
MARKS = ("<!-- beside_peers.py: generated from here -->", "<!-- to here -->")
CUT, BROKEN, LIMITED, SLOW, LONG = "fault-7-k10-n20-b4", "fault-4", "fault-3", "ok-n20-ms5", "ok-n100-b4-ms10"


WORD = re.compile(r'"content":"[^"]')


def peers_tables():
    """The rows of both tables, without their heads."""
    text = REFERENCE.read_text()
    tables = []
    for title in ("## What the client sees", "## Money"):
        rows = re.findall(r"^\|.*\|$", text[text.index(title):text.index("\n## ", text.index(title) + 3)], re.M)
        tables.append(rows)
    return tables


class Measurer:
    def __init__(self, weir, mock):
        self.weir, self.mock = weir, mock

    def calls(self):
        return self.mock.log()

    def account(self, name, credit="100.00"):
        return self.weir.account(name, credit=credit)

    def asked(self, key, model, stream):
        n = len(self.calls())
        answer = self.weir.chat(key, model, stream=stream, max_tokens=100)
        return answer, len(self.calls()) - n

    def failures(self):
        key = self.account("failures")
        cut, _ = self.asked(key, CUT, True)
        said = cut.events()
        n_chunks = sum(bool(WORD.search(data)) for data in said)
        n_errors = sum(data.startswith('{"error"') for data in said)
        cells = [f"error event ({n_errors}), {'then' if cut.done() else 'no'} `[DONE]`, connection closed; {n_chunks} of 10 chunks"]
        for model in (CUT, BROKEN, LIMITED):
            answer, n_calls = self.asked(key, model, False)
            wait = answer.field("retry-after")
            cells.append(f"{answer.status} `{answer.error()['code']}` after {n_calls} call{'s' * (n_calls != 1)}"
                         + (f", Retry-After: {wait}" if wait else ""))
        return cells

    def fifty(self, on_credit_for):
        """At 100 tokens an answer, price `dear`: $0.10 each, but for its prompt."""
        self.account("fifty", credit=None)
        self.weir.run("credit", "add", "fifty", f"{on_credit_for * 0.1001:.4f}")
        key = self.weir.run("key", "create", "fifty").stdout.strip()
        together = threading.Barrier(50)
        statuses = []

        def ask():
            together.wait()
            statuses.append(self.weir.chat(key, "ok-n100", max_tokens=100).status)

        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        funds, reserved, spent = self.weir.balance("fifty")
        return f"{statuses.count(200)}; balance {(funds - reserved - spent) / 1e9:+.4f} USD of {funds / 1e9:.4f}"

    def hang_up(self):
        import wire
        key = self.account("leaver")
        body = {"model": LONG, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 100}
        with wire.Connection(self.weir.api) as connection:
            connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key), json.dumps(body).encode()))
            data = b""
            while len(WORD.findall(data.decode(errors="replace"))) < 49:
                data += connection.socket.recv(4096)
        self.weir.wait_until(lambda: self.weir.balance("leaver")[1] == 0, "the end")
        call = self.calls()[-1]
        row, = [row for row in self.weir.report("--by", "account") if row["account"] == "leaver"]
        return (f"stops upstream ({call['ended'].replace('_', ' ')} at {call['output_tokens']}), records "
                f"{row['input_uncached']} + {row['output_answer']}")

    def upstream_cut(self):
        key = self.account("cut")
        self.asked(key, CUT, True)
        row = [row for row in self.weir.report("--by", "account") if row["account"] == "cut"]
        shown = self.weir.run("ledger", "show", self.calls()[-1]["headers"]["x-request-id"], "--json")
        attempt, = json.loads(shown.stdout)["attempts"]
        n_output = attempt["tokens"]["output_answer"]
        n_output = n_output["tokens"] if isinstance(n_output, dict) else n_output
        charged = sum(r["output_answer"] for r in row)
        return f"{charged} to the client; {n_output} as the operator's cost"

    def lost(self, name, end):
        """Requests answered in full under load until the server ends, and those of them that the ledger has not."""
        key = self.account(name)
        served, stopped = [], threading.Event()

        def load():
            while not stopped.is_set():
                try:
                    answer = self.weir.chat(key, SLOW, stream=random.random() < 0.5, max_tokens=40)
                except (OSError, AssertionError):
                    return
                if answer.status == 200 and answer.complete:
                    served.append(answer.field("x-request-id"))

        threads = [threading.Thread(target=load) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(3)
        end()
        stopped.set()
        for thread in threads:
            thread.join()
        self.weir.start()
        settled = 0
        for request in served:
            shown = self.weir.run("ledger", "show", request, "--json", check=False)
            settled += shown.returncode == 0 and json.loads(shown.stdout)["end"]["kind"] == "settled"
        self.weir.verify()
        return f"{len(served) - settled} of {len(served)}"


def measured(build):
    os.environ["WEIR_BUILD"] = str(Path(build).resolve())
    from mock import Mock
    from weir import Weir
    with Mock() as mock, Weir(upstream=mock.base_url, local=False, price="dear",
                              remote_models=[CUT, BROKEN, LIMITED, SLOW, LONG, "ok-n100"]) as weir:
        measure = Measurer(weir, mock)
        weir.account()
        weir.start()
        seen = measure.failures()
        money = [measure.fifty(10), measure.hang_up(), measure.upstream_cut(),
                 measure.lost("killed", weir.kill), measure.lost("stopped", weir.stop)]
        weir.stop()
    return seen, money


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if not REFERENCE.exists():
        raise SystemExit(f"{REFERENCE.name} is not beside this checkout: nothing to stand beside")
    tables = peers_tables()
    lines = []
    for rows, cells in zip(tables, measured(arguments.build)):
        lines += [rows[0], rows[1], f"| **Weir** | {' | '.join(cells)} |", *rows[2:], ""]
    text = "\n".join(lines).rstrip()
    if not arguments.write:
        print(text)
        return
    page = HERE / "README.md"
    before, _, rest = page.read_text().partition(MARKS[0])
    page.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}")


if __name__ == "__main__":
    main()
