"""Every fault as the first step of a plan of three, a second step that fails, too, and a third that answers: who
answers, what was tried, who is charged, and that nothing stays behind."""
import collections
import os
import unittest

from mock import Mock
from test_faults import FAULTS, N_OUTPUT, TOTAL, WAIT
from weir import Weir, metric, nano

ALL = ("[connect, timeout_ttft, timeout_idle, rate_limit, overloaded, server_error, credential, quota, model_gone, cut, "
       "malformed]")


def ends_there(fault, stream):
    """Whether the first step is the last: it answered, or the client has seen something of it."""
    view = fault.view(stream)
    return view == "whole" or view == "cut"


class ThreeSteps(unittest.TestCase):
    def run_all(self, stream):
        second = {fault.model: f"fault-4-b{place + 1}" for place, fault in enumerate(FAULTS)}
        timeouts = f"timeouts: {{ttft: {WAIT}, idle: {WAIT}, total: {TOTAL}}}"
        routes = "".join(f"  three-{f.model}: {{plan: [{f.model}, {second[f.model]}, ok-n20], fall_back_on: {ALL}, {timeouts}}}\n"
                         for f in FAULTS)
        models = [*(f.model for f in FAULTS), *second.values(), "ok-n20"]
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=models, routes=routes) as weir:
            key = weir.account(credit="1000.00")
            weir.start()
            wanted, charged = collections.Counter(), collections.Counter()
            for fault in FAULTS:
                with self.subTest(fault.model):
                    answer = weir.chat(key, f"three-{fault.model}", stream=stream, max_tokens=N_OUTPUT)
                    stays = ends_there(fault, stream)
                    self.assertEqual(answer.status, 200, answer)
                    self.assertEqual(answer.field("x-weir-endpoint"), fault.model if stays else "ok-n20")
                    self.assertEqual(answer.complete, not (stays and fault.view(stream) == "cut"), answer)
                    wanted.update([(fault.model, fault.classes)])
                    if not stays:
                        wanted.update([(second[fault.model], ("server_error",)), ("ok-n20", ("ok",))])
                    is_cut = stays and fault.view(stream) == "cut"  # costs the client nothing
                    charged.update(["" if is_cut else fault.model if stays else "ok-n20"])
                    weir.wait_for_log(rf"route=three-{fault.model} .*attempts={1 if stays else 3} ")
            samples = weir.scrape()
            for (endpoint, classes), n in wanted.items():
                seen = sum(metric(samples, "weir_attempts_total", endpoint=endpoint, **{"class": c}) for c in classes)
                self.assertEqual(seen, n, (endpoint, classes, [s for s in samples if endpoint in s and "attempts" in s]))
            self.assertEqual(metric(samples, "weir_attempts_total"), sum(wanted.values()))
            requests = {row["endpoint"]: row["requests"] for row in weir.report("--by", "endpoint") if row["requests"]}
            self.assertEqual(requests, dict(charged))
            for row in weir.report("--by", "endpoint"):
                if row["endpoint"].startswith("fault-4"):
                    self.assertEqual(nano(row["usd"]), 0, row)
            self.assertEqual(sum(nano(row["usd"]) for row in weir.report("--by", "endpoint")), weir.balance()[2])
            self.assertEqual(weir.balance()[1], 0)
            for gauge in ("weir_reservations", "weir_endpoint_inflight", "weir_streams_open"):
                self.assertTrue(any(sample.startswith(gauge) for sample in samples), gauge)
                self.assertEqual(metric(samples, gauge), 0, gauge)
            # What is open now towards the upstream waits for the next request: as many again leave no more behind.
            n_open = self.n_sockets(weir)
            for fault in (f for f in FAULTS if not any(c.startswith("timeout") for c in f.classes)):
                weir.chat(key, f"three-{fault.model}", stream=stream, max_tokens=N_OUTPUT)
            weir.wait_until(lambda: self.n_sockets(weir) <= n_open, "the sockets to be closed")
            weir.verify()
            weir.stop_cleanly(self)

    @staticmethod
    def n_sockets(weir):
        folder = f"/proc/{weir.process.pid}/fd"
        links = []
        for name in os.listdir(folder):
            try:
                links.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                continue
        return sum(link.startswith("socket:") for link in links)

    def test_streamed(self):
        self.run_all(stream=True)

    def test_unstreamed(self):
        self.run_all(stream=False)
