#!/usr/bin/env python3
"""kill -9 at random moments under mixed load: kill9.py [--build DIR] [--moments 200] [--seed N]

Each moment: clients on both roads, streamed and not, one account each; the server is killed, the ledger is
checked and the server is started again. It must hold that each answered request has exactly one terminal
entry with the tokens that its client was told, no hold is open, and the chain verifies.
"""
import argparse
import os
import random
import sqlite3
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
N_CLIENTS = 6

# An account's requests that came to an end, oldest first: was it a settlement, input and output tokens.
TERMINAL = """
SELECT kind = 2, ifnull(input_uncached, 0) + ifnull(cache_read, 0) + ifnull(cache_write, 0),
       ifnull(output_answer, 0) + ifnull(output_reasoning, 0)
FROM entries WHERE kind IN (2, 3) AND request IN (
    SELECT request FROM entries WHERE kind = 1 AND account = (SELECT id FROM accounts WHERE name = ?))
ORDER BY request"""


class Client(threading.Thread):
    """One account; asks one thing at a time, and remembers what it was told."""

    def __init__(self, weir, name, key, seed):
        super().__init__(daemon=True)
        self.weir, self.name, self.key, self.random = weir, name, key, random.Random(seed)
        self.told = []  # for each request sent: its usage, or None if no whole answer came

    def run(self):
        while True:
            stream = self.random.random() < 0.5
            model = self.random.choice(("deepseek-v4", "mock", "ok-n20-ms5"))
            members = {"stream": stream, "max_tokens": self.random.randint(1, 40)}
            if stream:
                members["stream_options"] = {"include_usage": True}
            self.told.append(None)
            try:
                answer = self.weir.chat(self.key, model, **members)
            except (OSError, AssertionError):
                return  # the server is gone
            if not answer.complete or (stream and not answer.done()):
                return
            if answer.status != 200:
                raise SystemExit(f"{self.name}: {answer}")
            self.told[-1] = answer.chunks()[-1]["usage"] if stream else answer.json()["usage"]


def entries(ledger, account):
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as database:
        return database.execute(TERMINAL, (account,)).fetchall()


def check(weir, clients, told_before):
    weir.verify()
    problems = []
    n_answered = 0
    for client in clients:
        _, reserved, _ = weir.balance(client.name)
        if reserved:
            problems.append(f"{client.name}: {reserved} nano-dollars are still held")
        written = entries(weir.ledger, client.name)[told_before[client.name]:]
        told_before[client.name] += len(written)
        told = client.told if len(written) == len(client.told) else client.told[:-1]
        # A request whose RESERVE had not reached the disk left nothing, and its client no answer.
        if len(written) != len(told) or (len(told) < len(client.told) and client.told[-1] is not None):
            problems.append(f"{client.name}: {len(client.told)} requests, {len(written)} terminal entries")
            continue
        for usage, (settled, n_input, n_output) in zip(told, written):
            if usage is None:
                continue
            n_answered += 1
            if not settled or (n_input, n_output) != (usage["prompt_tokens"], usage["completion_tokens"]):
                problems.append(f"{client.name}: told {usage}, written {settled, n_input, n_output}")
    return n_answered, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("WEIR_SEED", time.time_ns() % 10**9)))
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(Path(arguments.build).resolve())
    from mock import Mock
    from weir import Weir

    print(f"seed {arguments.seed}, {arguments.moments} moments", flush=True)
    chance = random.Random(arguments.seed)
    n_passed = n_failed = n_answered = 0
    with Mock() as mock, Weir(upstream=mock.base_url, remote_models=["ok-n20-ms5"]) as weir:
        names = [f"client{i}" for i in range(N_CLIENTS)]
        keys = {name: weir.account(name, credit="1000.00") for name in names}
        written = {name: 0 for name in names}
        weir.start()
        for moment in range(arguments.moments):
            clients = [Client(weir, name, keys[name], chance.random()) for name in names]
            for client in clients:
                client.start()
            time.sleep(chance.uniform(0.0, 0.8))  # the random moment
            weir.kill()
            for client in clients:
                client.join(60)
            weir.start()  # recovery releases what was open
            answered, problems = check(weir, clients, written)
            n_answered += answered
            n_passed += not problems
            n_failed += bool(problems)
            for problem in problems:
                print(f"moment {moment}: {problem}", flush=True)
        clean = weir.stop() == 0 and weir.verify().returncode == 0
        n_failed += not clean
    print(f"{n_answered} answered requests over {arguments.moments} kills")
    print(f"{n_passed} passed, {n_failed} failed")
    return 1 if n_failed or not n_answered else 0


if __name__ == "__main__":
    sys.exit(main())
