"""Who waits for a place at an upstream: in fair turns, within bounds, and for nothing if it gives up."""
import json
import threading
import unittest

import wire
from mock import Mock
from weir import PATIENCE, Weir, metric

N_PLACES = 4
SLOW = "ok-n20-ms20"
STUCK = "ok-n100000-ms1000"


class FairQueue(unittest.TestCase):
    def serve(self, terms):
        self.mock = self.enterContext(Mock())
        self.weir = self.enterContext(Weir(upstream=self.mock.base_url, local=False, remote_models=[SLOW, STUCK],
                                           listen=", n_io_threads: 2, drain_time: 100ms",
                                           timeouts="{connect: 30s, ttft: 30s, idle: 30s, total: 60s}"))
        self.weir.write_config(self.weir.config.read_text().replace(
            'api_key: "sk-upstream"', f'api_key: "sk-upstream", n_inflight_max: {N_PLACES}, {terms}'))
        self.heavy, self.light = self.weir.account("heavy", credit="100.00"), self.weir.account("light")
        self.weir.start()

    def n_waiting(self):
        return metric(self.weir.scrape(), "weir_upstream_waiting", upstream="up")

    def n_calls(self):
        return len(self.mock.log())

    def send(self, model, key):
        """A stream that nobody reads yet."""
        connection = self.enterContext(wire.Connection(self.weir.api))
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": True}).encode()
        connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key), body))
        return connection

    def fill(self, model=STUCK):
        connections = [self.send(model, self.heavy) for _ in range(N_PLACES)]
        self.weir.wait_until(lambda: self.n_calls() == N_PLACES, "all places taken")
        return connections

    def test_a_light_account_passes_a_heavy_ones_queue(self):
        self.serve("n_queued_max: 100, queue_time_max: 60s")
        n_heavy = 40
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.weir.chat(self.heavy, SLOW, stream=True)))
                   for _ in range(n_heavy)]
        for thread in threads:
            thread.start()
        self.weir.wait_until(lambda: self.n_waiting() >= n_heavy / 2, "a queue")
        light = self.weir.chat(self.light, SLOW, stream=True)
        self.assertEqual((light.status, light.done()), (200, True), light)
        n_before = [call["headers"]["x-request-id"] for call in self.mock.log()].index(light.field("x-request-id"))
        self.assertLess(n_before, n_heavy / 2 + 2 * N_PLACES)
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual([(a.status, a.done()) for a in answers], [(200, True)] * n_heavy)
        self.assertEqual(self.n_waiting(), 0)
        self.weir.stop_cleanly(self)
        self.assertEqual(self.weir.balance("heavy")[1], 0)
        self.assertEqual({call["ended"] for call in self.mock.log()}, {"complete"})

    def test_the_queue_is_bounded_in_length_and_in_time(self):
        self.serve("n_queued_max: 2, queue_time_max: 300ms")
        self.fill()
        for key in (self.heavy, self.light):
            late = self.weir.chat(key, SLOW)
            self.assertEqual((late.status, late.error()["code"]), (503, "overloaded"), late)
        self.weir.write_config(self.weir.config.read_text().replace("300ms", "60s"))
        self.weir.run("check")
        self.weir.stop_cleanly(self)
        self.weir.start()
        n_before = self.n_calls()
        for _ in range(N_PLACES):
            self.send(STUCK, self.heavy)
        self.weir.wait_until(lambda: self.n_calls() == n_before + N_PLACES, "all places taken")
        for _ in range(2):
            self.send(SLOW, self.heavy)
        self.weir.wait_until(lambda: self.n_waiting() == 2, "a full queue")
        full = self.weir.chat(self.light, SLOW)
        self.assertEqual((full.status, full.error()["code"]), (503, "overloaded"), full)
        self.assertEqual(self.weir.balance("light")[1:], (0, 0))
        self.weir.stop_cleanly(self)

    def test_who_hangs_up_while_it_waits_pays_nothing(self):
        self.serve("n_queued_max: 100, queue_time_max: 60s")
        running = self.fill()
        gone = [self.send(SLOW, self.light) for _ in range(5)]
        self.weir.wait_until(lambda: self.n_waiting() == 5, "five in the queue")
        for connection in gone:
            connection.close()
        self.weir.wait_until(lambda: self.n_waiting() == 0, "an empty queue")
        self.weir.wait_until(lambda: self.weir.balance("light")[1] == 0, "their holds to end")
        self.assertEqual(self.weir.balance("light")[2], 0)
        # Their places are nobody's: the next one gets the first that comes free.
        waits = self.send(SLOW, self.light)
        self.weir.wait_until(lambda: self.n_waiting() == 1, "one in the queue")
        running[0].close()
        answer = waits.answer()
        self.assertEqual((answer.status, answer.done()), (200, True), answer)
        self.assertEqual(self.n_calls(), N_PLACES + 1)
        self.weir.stop_cleanly(self)

    def test_at_the_end_of_the_server_who_waits_is_told(self):
        self.serve("n_queued_max: 100, queue_time_max: 60s")
        self.fill()
        waits = self.send(SLOW, self.light)
        self.weir.wait_until(lambda: self.n_waiting() == 1, "one in the queue")
        self.weir.stop_cleanly(self)
        answer = waits.answer()
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(self.weir.balance("light")[1:], (0, 0))


if __name__ == "__main__":
    unittest.main()
