"""Two hundred at once, a cent each, against a dollar, trying again until nothing fits: round after round the dollar is
used to within two cents and never exceeded, with cut answers and clients that hang up among them."""
import itertools
import json
import os
import random
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import wire
from mock import Mock
from weir import SHARE, Weir, nano

N_ROUNDS = int(os.environ.get("WEIR_ROUNDS", max(1, round(2 * SHARE))))
N_CLIENTS = 200
N_OUTPUT = 10  # tokens, at the price `output_only` a cent, and the prompt costs nothing
CENT, DOLLAR = 10**7, 10**9
CUT = f"fault-7-k3-n{N_OUTPUT}-ms1"  # a reset behind three of the tokens
SLOW = f"ok-n{N_OUTPUT}-ms2"


class SpendAll(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("WEIR_SEED", "1"))
        self.random = random.Random(self.seed)

    def check(self, models):
        with Mock() as mock, Weir(upstream=mock.base_url, price="output_only", local_price="output_only",
                                  remote_models=[SLOW, CUT]) as self.weir:
            self.weir.start()
            for n in range(N_ROUNDS):
                with self.subTest(round=n, seed=self.seed):
                    self.round(f"account-{n}", models)
            self.weir.verify()
            self.weir.stop_cleanly(self)

    def round(self, name, models):
        key = self.weir.account(name, credit="1.00")
        stop, seen = threading.Event(), []

        def watch():
            while not stop.is_set():
                seen.append(self.weir.balance(name))

        watcher = threading.Thread(target=watch)
        watcher.start()
        waiting, n_whole, n_touched = N_CLIENTS, 0, 0
        try:
            for tries in itertools.count(1):
                self.assertLess(tries, 50, "it never comes to an end")
                kinds = [self.random.choices(["whole", "streamed", "hangs_up"], [4, 4, 1])[0] for _ in range(waiting)]
                chosen = [self.random.choice(models) for _ in range(waiting)]
                together = threading.Barrier(waiting)
                with ThreadPoolExecutor(waiting) as pool:
                    ends = list(pool.map(lambda each: self.ask(key, together, *each), zip(kinds, chosen)))
                self.weir.wait_until(lambda: self.weir.balance(name)[1] == 0, "every hold to end")
                n_whole += ends.count("whole")
                n_touched += len(ends) - ends.count("refused") - ends.count("busy")
                if set(ends) == {"refused"}:
                    break
        finally:
            stop.set()
            watcher.join()
        for funds, reserved, spent in seen:
            self.assertEqual(funds, DOLLAR)
            self.assertLessEqual(reserved + spent, DOLLAR)
        funds, reserved, spent = self.weir.balance(name)
        self.assertEqual((funds, reserved), (DOLLAR, 0))
        self.assertGreaterEqual(spent, DOLLAR * 98 // 100)
        self.assertGreaterEqual(spent, n_whole * CENT)
        self.assertGreaterEqual(n_touched, 100)
        rows = {row["account"]: row for row in self.weir.report("--by", "account")}
        self.assertEqual(nano(rows[name]["usd"]), spent)
        self.assertGreater(len(seen), 0)

    def ask(self, key, together, kind, model):
        """How one request ends: whole, cut, hung_up, refused (it does not fit), busy."""
        together.wait()
        members = {"max_tokens": N_OUTPUT, "temperature": 0, "reasoning_effort": "none"}
        if kind == "hangs_up":
            return self.hang_up(key, model, members)
        answer = self.weir.chat(key, model, stream=kind == "streamed", **members)
        if answer.status == 429:
            self.assertEqual(answer.error()["code"], "insufficient_quota")
            return "refused"
        if answer.status == 503:
            return "busy"
        if kind == "streamed":
            self.assertEqual(answer.status, 200, answer)
            return "whole" if answer.done() else "cut"
        self.assertIn(answer.status, (200, 502), answer)
        return "whole" if answer.status == 200 else "cut"

    def hang_up(self, key, model, members):
        """Behind the first piece of a streamed answer."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": True, **members}
        with wire.Connection(self.weir.api, timeout=60) as connection:
            connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key),
                                               json.dumps(body).encode()))
            answer = connection.head()
            if answer.status != 200:
                return {429: "refused", 503: "busy"}[answer.status]
            next(connection.pieces(answer), None)
        return "hung_up"

    def test_local(self):
        self.check(["deepseek-v4"])

    def test_remote(self):
        self.check(["mock", SLOW, SLOW, CUT])
