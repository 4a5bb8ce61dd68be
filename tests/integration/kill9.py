#!/usr/bin/env python3
"""kill -9 under mixed load: kill9.py [--build DIR] [--moments 200] [--seed N] [--at-syncs | --at-points]
At random moments; with --at-syncs, moment N is before the Nth fdatasync of a thread (strace puts the signal there);
with --at-points, at the points of a request's life in turn, K1 to K11 (gateway/chat/failpoint.h), passed so many times.

Each moment: clients on both roads, streamed and not, long and short, one account each; the server is killed,
started again, and the ledger is checked. It must hold that each answered request has exactly one terminal entry
with the tokens that its client was told, no hold is open, the chain verifies, and every call that the upstream
logged is charged as its log says, to the nano-dollar. Explained, per request, is only: a call whose RESERVE was
not on disk and of which no byte reached a client; an open stream that is settled up to 1,000 tokens behind.
"""
import argparse
import json
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
# Four bytes a token: our estimate of it is exact. At most 1,000 tokens a second, so that less than the distance
# between two checkpoints flows while one is committed.
LONG = "ok-n8000-b4-ms1"
# Tokens that a checkpoint may be behind: the distance between two, and what flows while one is committed.
BEHIND_MAX = 2 * 1_000

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
        self.partial = {}  # request id: tokens of an answer that was cut
        self.whole = set()  # request ids of whole answers

    def run(self):
        while True:
            model = self.random.choice(("deepseek-v4", "mock", "ok-n20-ms5", LONG))
            stream = model == LONG or self.random.random() < 0.5
            members = {"stream": stream, "max_tokens": 8_000 if model == LONG else self.random.randint(1, 40)}
            if stream:
                members["stream_options"] = {"include_usage": True}
            self.told.append(None)
            try:
                answer = self.weir.chat(self.key, model, **members)
            except (OSError, AssertionError):
                return  # the server is gone
            if not answer.complete or (stream and not answer.done()):
                self.partial[answer.field("x-request-id")] = received(answer)
                return
            if answer.status != 200:
                raise SystemExit(f"{self.name}: {answer}")
            self.told[-1] = answer.chunks()[-1]["usage"] if stream else answer.json()["usage"]
            self.whole.add(answer.field("x-request-id"))


def received(answer):
    """Tokens of a cut stream, as far as whole events of it came."""
    n_tokens = 0
    for data in answer.events()[:-1]:  # the last one may be half
        for choice in json.loads(data)["choices"]:
            n_tokens += bool(choice["delta"].get("content"))
    return n_tokens


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


class Truth:
    """Holds the ledger to the upstream's log, call by call."""

    def __init__(self, weir, mock):
        self.weir, self.mock, self.n_seen = weir, mock, 0
        self.n_calls = self.n_unwritten = self.n_recovered = self.unexplained = 0
        self.behind = 0  # nano-dollars of open streams that a crash lost

    def check(self, clients):
        partial = {name: n for client in clients for name, n in client.partial.items()}
        whole = set().union(*(client.whole for client in clients))
        log = self.mock.log()
        calls, self.n_seen = log[self.n_seen:], len(log)
        self.n_calls += len(calls)
        problems = []
        for call in calls:
            name = call["headers"]["x-request-id"]
            if name in whole:
                continue  # held to what its client was told
            wrong, nano_dollars = self.compare(name, call, partial.get(name, 0))
            if wrong:
                self.unexplained += nano_dollars
                problems.append(f"{name}: {wrong}: {nano_dollars} nano-dollars; {call['model']}, "
                                f"{call['output_tokens']} sent, {partial.get(name, 0)} received")
        return problems

    def compare(self, name, call, n_received):
        """What is wrong with a call whose client did not get its whole answer, and how much it is."""
        from weir import PICO, cost

        def price(n_input, n_output):
            return cost({"input_uncached": n_input, "output_answer": n_output}, PICO["remote"])

        shown = self.weir.run("ledger", "show", name, "--json", check=False)
        truth = price(call["prompt_tokens"], call["output_tokens"])
        if shown.returncode:
            self.n_unwritten += 1
            return ("a client saw bytes before its RESERVE was on disk", truth) if n_received else (None, 0)
        end = json.loads(shown.stdout)["end"]
        is_settled = end["kind"] == "settled"
        n_output = end["tokens"]["output_answer"]["tokens"] if is_settled else 0
        n_input = end["tokens"]["input_uncached"]["tokens"] if is_settled else 0
        if "recovered" not in end["flags"]:
            exact = is_settled and (n_input, n_output) == (call["prompt_tokens"], call["output_tokens"])
            return (None, 0) if exact else (f"ended as its upstream did not, {end['kind']} as {end['outcome']}",
                                            abs(truth - price(n_input, n_output)))
        self.n_recovered += is_settled
        self.behind += price(0, max(n_received - n_output, 0))
        if n_output > call["output_tokens"]:
            return "charged more than was sent", price(0, n_output - call["output_tokens"])
        if n_output < n_received - BEHIND_MAX:
            return "too far behind", price(0, n_received - BEHIND_MAX - n_output)
        return None, 0


def live_to_sync(weir, n, clients):
    """Serves until some thread is about to make its nth fdatasync; that may be while the ledger opens."""
    inject = f"inject=fdatasync:signal=SIGKILL:when={n}"
    try:
        weir.start(wrapper=["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync", "-e", inject])
    except AssertionError:
        if weir.process.poll() is None:
            raise
    else:
        for client in clients:
            client.start()
    weir.wait_exit()


def live_to_point(weir, n, chance, clients):
    """Serves until requests have passed point K1 to K11 for the time that chance says."""
    point = n % 11 + 1
    # A stream passes K5 and K6 with each of its events.
    nth = chance.randint(1, 4_000 if point in (5, 6) else 40)
    weir.start(environment={"WEIR_FAILPOINT": f"k{point}:{nth}"})
    for client in clients:
        client.start()
    weir.wait_exit()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--at-syncs", action="store_true")
    parser.add_argument("--at-points", action="store_true")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("WEIR_SEED", time.time_ns() % 10**9)))
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(Path(arguments.build).resolve())
    from mock import Mock
    from weir import PATIENCE, Weir

    print(f"seed {arguments.seed}, {arguments.moments} moments", flush=True)
    chance = random.Random(arguments.seed)
    n_passed = n_failed = n_answered = 0
    patient = f"{int(4 * PATIENCE)}s"
    with Mock() as mock, Weir(upstream=mock.base_url, remote_models=["ok-n20-ms5", LONG],
                              timeouts=f"{{ttft: {patient}, idle: {patient}, total: {patient}}}") as weir:
        names = [f"client{i}" for i in range(N_CLIENTS)]
        keys = {name: weir.account(name, credit="1000.00") for name in names}
        written = {name: 0 for name in names}
        truth = Truth(weir, mock)
        weir.start()
        for moment in range(arguments.moments):
            clients = [Client(weir, name, keys[name], chance.random()) for name in names]
            if arguments.at_syncs:
                n_failed += weir.stop() != 0
                live_to_sync(weir, moment + 1, clients)
            elif arguments.at_points:
                n_failed += weir.stop() != 0
                live_to_point(weir, moment, chance, clients)
            else:
                for client in clients:
                    client.start()
                time.sleep(chance.uniform(0.0, 2.5))  # the random moment
                weir.kill()
            for client in clients:
                if client.ident:
                    client.join(60)
            weir.start()  # recovery ends what was open
            answered, problems = check(weir, clients, written)
            problems += truth.check(clients)
            n_answered += answered
            n_passed += not problems
            n_failed += bool(problems)
            for problem in problems:
                print(f"moment {moment}: {problem}", flush=True)
        clean = weir.stop() == 0 and weir.verify().returncode == 0
        n_failed += not clean
    print(f"{n_answered} answered requests over {arguments.moments} kills")
    print(f"{truth.unexplained} unexplained nano-dollars in {truth.n_calls} calls upstream; {truth.n_recovered} streams "
          f"settled from a checkpoint, {truth.behind} nano-dollars behind; {truth.n_unwritten} calls before their RESERVE")
    print(f"{n_passed} passed, {n_failed} failed")
    return 1 if n_failed or not n_answered else 0


if __name__ == "__main__":
    sys.exit(main())
