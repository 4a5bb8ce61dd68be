"""Changes while requests run: reloads, good and bad, and upstreams that restart. No request is lost or refused."""
import collections
import signal
import threading
import unittest

from mock import Mock
from weir import SHARE, Weir, metric

N_CLIENTS = 8
TERMS = "n_ctx: 100000, output_tokens_max: 1000, price: remote"


class Load:
    """Clients that ask one after the other, each on its own connection, until told to stop."""

    def __init__(self, weir, key, model):
        self.weir, self.key, self.model = weir, key, model
        self.stopped = threading.Event()
        self.answers = collections.Counter()  # (status, whole, endpoint)
        self.n_asked = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(place % 2 == 0,)) for place in range(N_CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def run(self, stream):
        while not self.stopped.is_set():
            with self.lock:
                self.n_asked += 1
            answer = self.weir.chat(self.key, self.model, stream=stream, max_tokens=5)
            whole = answer.complete and (answer.done() if stream else bool(answer.json()["choices"]))
            with self.lock:
                self.answers[answer.status, whole, answer.field("x-weir-endpoint")] += 1

    def n_answered(self):
        with self.lock:
            return sum(self.answers.values())

    def let_answer(self, n):
        """Until so many more were answered."""
        least = self.n_answered() + n
        self.weir.wait_until(lambda: self.n_answered() >= least, f"{n} answers")


class UnderLoad(unittest.TestCase):
    def test_reloads(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=["ok-n5"]) as weir:
            key = weir.account(credit="1000.00")
            good = weir.config.read_text()
            bad = [good + "colour: red\n", good.replace("plan: [ok-n5]", "plan: [nowhere]"), good.replace("version: 1", "version: 2"),
                   good[: len(good) // 2], "- a list\n"]
            weir.start()
            n_changes = max(4, int(20 * SHARE))
            with Load(weir, key, "ok-n5") as load:
                for change in range(n_changes):
                    load.let_answer(20)
                    is_bad = change % 2 == 1
                    weir.write_config(bad[change // 2 % len(bad)] if is_bad
                                      else good.replace("output_tokens_default: 1000", f"output_tokens_default: {500 + change}"))
                    seen = metric(weir.scrape(), "weir_config_last_reload_success"), len(weir.log_lines)
                    weir.signal(signal.SIGHUP)
                    word = "event=reload_refused" if is_bad else "event=reloaded"
                    weir.wait_until(lambda: any(word in line for line in weir.log_lines[seen[1]:]), word)
                    self.assertEqual(metric(weir.scrape(), "weir_config_last_reload_success"), 0 if is_bad else 1)
                load.let_answer(20)
            self.assertEqual(load.answers, {(200, True, "ok-n5"): load.n_asked})
            self.assertEqual(len(mock.log()), load.n_asked)
            weir.write_config(good)
            self.assertEqual(weir.balance()[1], 0)
            weir.verify()
            weir.stop_cleanly(self)

    def test_every_upstream_restarts(self):
        with Mock() as one, Mock() as two:
            upstreams = "".join(f'  {name}: {{kind: openai_compatible, base_url: "{mock.base_url}", api_key: "sk-upstream"}}\n'
                                for name, mock in (("first", one), ("second", two)))
            endpoints = "".join(f'  {name}-ok: {{upstream: {name}, model: "ok-n5", {TERMS}}}\n' for name in ("first", "second"))
            with Weir(upstream=one.base_url, local=False, endpoints=endpoints, routes="  r: {plan: [first-ok, second-ok]}\n") as weir:
                weir.write_config(weir.config.read_text().replace("upstreams:\n", "upstreams:\n" + upstreams))
                key = weir.account(credit="1000.00")
                weir.start()
                with Load(weir, key, "r") as load:
                    for mock in (one, two):
                        load.let_answer(100)
                        mock.restart()
                        load.let_answer(100)
                # A stream or an answer of which something was read may be cut; nothing is refused.
                n_cut = sum(n for (status, whole, _), n in load.answers.items() if not whole)
                self.assertLessEqual(n_cut, 2 * N_CLIENTS, load.answers)
                refused = {k: n for k, n in load.answers.items() if k[0] != 200 and not (k[0] == 502 and n <= 2 * N_CLIENTS)}
                self.assertEqual(refused, {})
                self.assertEqual({endpoint for status, whole, endpoint in load.answers if whole}, {"first-ok", "second-ok"})
                self.assertEqual(weir.balance()[1], 0)
                weir.verify()
                weir.stop_cleanly(self)
