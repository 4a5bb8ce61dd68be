"""Fifty at once against money for ten: never more than the credit is spent or held, on both roads."""
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from mock import Mock
from weir import Weir, nano

# At the price `dear` 99 tokens of output are $0.099, and any prompt of these tests is below $0.001.
N_OUTPUT = 99
DOLLAR = 10**9


class Overspend(unittest.TestCase):
    def check(self, model, remote):
        with Mock() as mock, Weir(upstream=mock.base_url, price="dear", local_price="dear",
                                  remote_models=[remote]) as weir:
            key = weir.account(credit="1.00")
            weir.start()
            self.check_one_hold(weir, model)

            stop, seen = threading.Event(), []

            def watch():
                while not stop.is_set():
                    seen.append(weir.balance())

            watcher = threading.Thread(target=watch)
            watcher.start()
            together = threading.Barrier(50)

            def ask(i):
                together.wait()
                return weir.chat(key, model, stream=i % 2 == 1, max_tokens=N_OUTPUT)

            with ThreadPoolExecutor(50) as pool:
                answers = list(pool.map(ask, range(50)))
            stop.set()
            watcher.join()

            for funds, reserved, spent in seen:
                self.assertEqual(funds, DOLLAR)
                self.assertLessEqual(reserved + spent, DOLLAR)
            for answer in answers:
                self.assertIn(answer.status, (200, 429), answer)
                if answer.status == 429:
                    self.assertEqual(answer.error()["code"], "insufficient_quota")
            n_served = sum(answer.status == 200 for answer in answers)
            self.assertGreaterEqual(n_served, 10)
            _, reserved, spent = weir.balance()
            self.assertEqual(reserved, 0)
            self.assertLessEqual(spent, DOLLAR)
            rows = {row["account"]: row for row in weir.report("--by", "account")}
            self.assertEqual((rows["demo"]["requests"], nano(rows["demo"]["usd"])), (n_served, spent))
            self.assertGreater(len(seen), 0)
            weir.verify()
            weir.stop_cleanly(self)

    def check_one_hold(self, weir, model):
        """One such request is refused on $0.098 and served on $0.10."""
        poor = weir.account("poor", credit="0.098")
        self.assertEqual(weir.chat(poor, model, max_tokens=N_OUTPUT).status, 429)
        weir.run("credit", "add", "poor", "0.002")
        self.assertEqual(weir.chat(poor, model, max_tokens=N_OUTPUT).status, 200)

    def test_local(self):
        self.check("deepseek-v4", "mock")

    def test_remote(self):
        self.check("mock", "mock")

    def test_remote_while_all_are_open(self):
        self.check("ok-n99-ms20", "ok-n99-ms20")
