"""Requests and tokens per minute, and at once, of keys and accounts."""
import re
import threading
import unittest

from mock import Mock
from weir import Weir

DURATION = re.compile(r"^((\d+h)?(\d+m)?\d+(\.\d+)?s|\d+ms)$")


class RateLimits(unittest.TestCase):
    def serve(self, limits="", route=""):
        mock = self.enterContext(Mock())
        routes = f"  r: {{plan: [mock], rate_limits: {route}}}\n" if route else ""
        weir = self.enterContext(Weir(upstream=mock.base_url, local=False, routes=routes,
                                      remote_models=["ok-n5-first300"], limits=limits))
        self.mock = mock
        self.key = weir.account()
        return weir.start()

    def test_requests_of_a_key(self):
        weir = self.serve("limits: {rate_limits: {key: {requests_per_minute: 2}}}\n")
        for stream, left in ((False, "1"), (True, "0")):
            answer = weir.chat(self.key, "mock", stream=stream, max_tokens=5)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.field("x-ratelimit-limit-requests"), "2")
            self.assertEqual(answer.field("x-ratelimit-remaining-requests"), left)
            self.assertRegex(answer.field("x-ratelimit-reset-requests"), DURATION)
            self.assertIsNone(answer.field("x-ratelimit-limit-tokens"))
        answer = weir.chat(self.key, "mock", max_tokens=5)
        self.assertEqual(answer.status, 429)
        error = answer.error()
        self.assertEqual((error["type"], error["code"], error["param"]), ("requests", "rate_limit_exceeded", None))
        self.assertRegex(error["message"], r"^Rate limit reached for mock on requests per min \(RPM\): Limit 2, Used 2, "
                                           r"Requested 1\. Please try again in [0-9.]+s\.$")
        self.assertTrue(1 <= int(answer.field("retry-after")) <= 30)
        self.assertIsNone(answer.field("x-should-retry"))
        self.assertEqual(answer.field("x-ratelimit-remaining-requests"), "0")
        # No upstream was asked, nothing held; another key is another bucket; 401 and 404 say no limits.
        self.assertEqual(len(self.mock.log()), 2)
        self.assertEqual(weir.balance()[1], 0)
        other = weir.run("key", "create", "--account", "demo").stdout.strip()
        self.assertEqual(weir.chat(other, "mock", max_tokens=5).status, 200)
        for answer in (weir.chat("sk-wrong", "mock"), weir.chat(self.key, "unknown")):
            self.assertIn(answer.status, (401, 404))
            self.assertIsNone(answer.field("x-ratelimit-limit-requests"))
        self.assertTrue(weir.wait_for_log("outcome=rate_limit"))

    def test_tokens_are_corrected_by_what_was_used(self):
        weir = self.serve(route="{account: {tokens_per_minute: 1000}}")
        answer = weir.chat(self.key, "r", max_tokens=15)
        self.assertEqual(answer.field("x-ratelimit-limit-tokens"), "1000")
        estimated = int(answer.field("x-ratelimit-remaining-tokens"))
        self.assertTrue(980 <= estimated < 1000, estimated)
        after = int(weir.chat(self.key, "r", max_tokens=1).field("x-ratelimit-remaining-tokens"))
        self.assertTrue(estimated - 30 <= after <= estimated - 15, after)
        self.assertIsNone(weir.chat(self.key, "mock", max_tokens=5).field("x-ratelimit-limit-tokens"))
        answer = weir.chat(self.key, "r", messages=[{"role": "user", "content": "x" * 5000}], max_tokens=5)
        self.assertEqual(answer.status, 429)
        self.assertEqual((answer.error()["type"], answer.field("x-should-retry")), ("tokens", "false"))
        self.assertIsNone(answer.field("retry-after"))

    def test_at_once(self):
        weir = self.serve("limits: {rate_limits: {account: {n_running_max: 2}}}\n")
        begin = threading.Barrier(8)
        answers = []

        def ask():
            begin.wait()
            answers.append(weir.chat(self.key, "ok-n5-first300", max_tokens=5))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(sum(answer.status == 200 for answer in answers), 2)
        refused = [answer for answer in answers if answer.status == 429]
        self.assertGreater(len(refused), 0)
        for answer in refused:
            self.assertEqual(answer.field("retry-after"), "1")
            self.assertIn("Too many requests at once", answer.error()["message"])
        # Each that has ended makes room, whatever its end.
        for _ in range(5):
            self.assertEqual(weir.chat(self.key, "mock", max_tokens=5).status, 200)
        self.assertEqual(weir.chat(self.key, "mock", max_tokens=-1).status, 400)
        for _ in range(3):
            self.assertEqual(weir.chat(self.key, "mock", max_tokens=5).status, 200)
