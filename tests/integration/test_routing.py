"""In which order a plan's endpoints are tried, and what becomes of those that fail."""
import collections
import json
import re
import signal
import unittest
from concurrent.futures import ThreadPoolExecutor

import wire
from mock import Mock
from weir import Weir, metric

DEAD, OK = "fault-4", "ok-n5"
TERMS = "n_ctx: 100000, output_tokens_max: 1000, price: remote"


def endpoints(*models):
    return "".join(f'  {model}: {{upstream: up, model: "{model}", {TERMS}}}\n' for model in models)


class Routing(unittest.TestCase):
    def serve(self, models, routes, local=False):
        """A gateway over a mock, with these endpoints and routes."""
        mock = self.enterContext(Mock())
        weir = self.enterContext(Weir(upstream=mock.base_url, local=local, endpoints=endpoints(*models), routes=routes))
        self.key = weir.account()
        return mock, weir.start()

    def ask(self, weir, model="r", text="Hello", **members):
        answer = weir.chat(self.key, model, max_tokens=5, messages=[{"role": "user", "content": text}], **members)
        self.assertEqual(answer.status, 200, answer)
        return answer.field("x-weir-endpoint"), answer.field("x-weir-reason")

    def test_an_endpoint_that_fails_is_left_alone_for_a_while(self):
        mock, weir = self.serve([DEAD, OK], f"  r: {{plan: [{DEAD}, {OK}]}}\n")
        for stream in (False, True):
            self.assertEqual(self.ask(weir, stream=stream), (OK, "listed; after=server_error"))
        seen = collections.Counter(self.ask(weir) for _ in range(98))
        self.assertEqual(seen, {(OK, "listed; after=server_error"): 18, (OK, f"listed; down={DEAD}"): 80})
        asked = collections.Counter(entry["model"] for entry in mock.log())
        self.assertEqual(asked, {DEAD: 20, OK: 100})  # 20 attempts tell that half of them fail
        samples = weir.scrape()
        self.assertEqual(metric(samples, "weir_endpoint_up", endpoint=DEAD), 0)
        self.assertEqual(metric(samples, "weir_endpoint_up", endpoint=OK), 1)
        weir.wait_for_log(rf"endpoint_down.*{DEAD}.*server_error")
        # A reload does not forget it.
        weir.signal(signal.SIGHUP)
        weir.wait_for_log("event=reloaded")
        self.assertEqual(self.ask(weir), (OK, f"listed; down={DEAD}"))
        self.assertEqual(metric(weir.scrape(), "weir_endpoint_up", endpoint=DEAD), 0)
        weir.stop_cleanly(self)

    def test_the_last_hope_is_tried_though_it_is_down(self):
        mock, weir = self.serve([DEAD], f"  r: {{plan: [{DEAD}]}}\n")
        for _ in range(30):
            self.assertEqual(weir.chat(self.key, "r", max_tokens=5).status, 502)
        self.assertEqual(len(mock.log()), 30)
        self.assertEqual(metric(weir.scrape(), "weir_endpoint_up", endpoint=DEAD), 0)

    def test_retry_after_is_kept(self):
        mock, weir = self.serve(["fault-3", OK], f"  r: {{plan: [fault-3, {OK}]}}\n")
        self.assertEqual(self.ask(weir), (OK, "listed; after=rate_limit"))
        for _ in range(5):
            self.assertEqual(self.ask(weir), (OK, "listed; down=fault-3"))
        self.assertEqual(sum(entry["model"] == "fault-3" for entry in mock.log()), 1)

    def test_what_the_caller_did_wrong_is_no_fault_of_the_endpoint(self):
        _, weir = self.serve([OK], f"  r: {{plan: [{OK}, local-v4], order: listed}}\n", local=True)
        for _ in range(30):
            self.assertEqual(weir.chat(self.key, "r", max_tokens=-1).status, 400)
        self.assertEqual(self.ask(weir), (OK, "listed"))

    def test_a_full_queue_of_the_engine_is_no_fault_of_it(self):
        mock = self.enterContext(Mock())
        weir = self.enterContext(Weir(upstream=mock.base_url, endpoints=endpoints(OK), engine=", n_queued_max: 1",
                                      routes=f"  r: {{plan: [local-v4, {OK}]}}\n"))
        self.key = weir.account()
        weir.start()
        with ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(lambda _: self.ask(weir), range(120)))
        self.assertIn((OK, "listed; after=overloaded"), answers)
        self.assertEqual({reason for _, reason in answers}, {"listed", "listed; after=overloaded"})
        self.assertEqual(metric(weir.scrape(), "weir_endpoint_up", endpoint="local-v4"), 1)

    def test_the_time_is_accounted_for(self):
        _, weir = self.serve([OK], f"  r: {{plan: [{OK}]}}\n")
        for stream in (False, True):
            answer = weir.chat(self.key, "r", stream=stream, max_tokens=5)
            stages = dict(re.findall(r"(\w+);dur=([0-9]+\.[0-9]{3})(?:, |$)", answer.field("server-timing")))
            self.assertEqual(list(stages), ["parse", "plan", "answer", "settle", "total"])
            stages = {name: int(value.replace(".", "")) for name, value in stages.items()}  # us
            total = stages.pop("total")
            self.assertTrue(0 <= total - sum(stages.values()) <= 4, (stages, total))  # each is cut to a us
            self.assertTrue(stream or stages["settle"] > 0, stages)

    def test_weighted(self):
        models = ["ok-n5", "ok-n5-c1"]
        _, weir = self.serve(models, "  r: {plan: [ok-n5, ok-n5-c1], order: weighted, weights: {ok-n5: 3}}\n"
                                     "  s: {plan: [ok-n5, ok-n5-c1], order: weighted, sticky: true}\n")
        seen = collections.Counter(self.ask(weir)[0] for _ in range(400))
        self.assertTrue(250 < seen["ok-n5"] < 350, seen)  # 300 expected, 8.7 the deviation
        where = {text: self.ask(weir, "s", text)[0] for text in map(str, range(40))}
        self.assertEqual(set(where.values()), set(models))
        for text, endpoint in where.items():
            self.assertEqual(self.ask(weir, "s", text), (endpoint, "weighted"))

    def test_cheapest(self):
        _, weir = self.serve([OK], f"  r: {{plan: [{OK}, local-v4], order: cheapest}}\n", local=True)
        self.assertEqual(self.ask(weir), ("local-v4", "cheapest"))
        body = {"model": "r", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
        plan = self.quote(weir, body)
        self.assertEqual([step["endpoint"] for step in plan], ["local-v4", OK])

    def test_fastest_of_late(self):
        slow = "ok-n5-first300"
        _, weir = self.serve([slow, OK], f"  r: {{plan: [{slow}, {OK}], order: fastest}}\n")
        order = [self.ask(weir, stream=True)[0] for _ in range(6)]
        self.assertEqual(order, [slow, OK, OK, OK, OK, OK])  # who is not known is got to know

    def test_warmest(self):
        _, weir = self.serve([OK], f"  r: {{plan: [{OK}, local-v4], order: warmest}}\n", local=True)
        text = "Tell me about the weir, please. " * 30
        self.assertEqual(self.ask(weir, text=text), (OK, "warmest"))
        self.ask(weir, "deepseek-v4", text)
        self.assertEqual(self.ask(weir, text=text), ("local-v4", "warmest"))
        self.assertEqual(self.ask(weir, text="Something else"), (OK, "warmest"))
        # Another account's prompts are not at hand.
        self.key = weir.account("other")
        self.assertEqual(self.ask(weir, text=text), (OK, "warmest"))

    def quote(self, weir, body):
        answer = wire.post_json(weir.api, "/v1/quote", body, self.key)
        self.assertEqual(answer.status, 200, answer)
        return json.loads(answer.body)["plan"]

    def test_explained_offline(self):
        with Weir(upstream="http://127.0.0.1:1/v1", endpoints=endpoints(OK),
                  routes=f"  r: {{plan: [{OK}, local-v4], order: cheapest}}\n") as weir:
            told = json.loads(weir.run("check", "--explain", "r", "--tokens", "100", "--json").stdout)
            self.assertEqual((told["route"], told["order"]), ("r", "cheapest"))
            self.assertEqual([step["endpoint"] for step in told["plan"]], ["local-v4", OK])
            # 100 tokens at $5 and 1,000 at $30 per million.
            self.assertEqual(told["plan"][1]["worst_cost_usd"], "0.0305")
            told = json.loads(weir.run("check", "--explain", "r", "--tokens", "5000", "--json").stdout)
            self.assertEqual([step["endpoint"] for step in told["plan"]], [OK, "local-v4"])
            self.assertIn("in a context of 2048", told["plan"][1]["left_out"])
            for words, code in ((("--explain", "unknown"), 1), (("--explain", "local", "--tokens", "3000"), 1),
                                (("--tokens", "3"), 2), (("--explain", "r", "--effort", "much"), 2)):
                self.assertEqual(weir.run("check", *words, check=False).returncode, code, words)

    def test_what_another_file_would_change(self):
        with Weir(upstream="http://127.0.0.1:1/v1", endpoints=endpoints(OK),
                  routes=f"  r: {{plan: [{OK}, local-v4], order: cheapest}}\n") as weir:
            other = weir.folder / "other.yaml"
            text = weir.config.read_text()
            for before, after in ((", order: cheapest", ""), ('input: "0.20"', 'input: "0.30"'), ("n_ctx: 2048", "n_ctx: 1024"),
                                  ('api_key: "sk-upstream"', 'api_key: "sk-other"')):
                self.assertIn(before, text)
                text = text.replace(before, after)
            other.write_text(text)
            told = weir.run("check", "--diff", str(other), check=False)
            self.assertEqual(told.returncode, 1)
            lines = told.stdout.splitlines()
            for line in ("~ routes.r.order: cheapest -> listed", "~ engines.v4.n_ctx: 2048 -> 1024",
                         "~ prices.house.usd_per_million.input: 0.20 -> 0.30",
                         "routes concerned: deepseek-v4 r", "only after a restart: engines.v4.n_ctx"):
                self.assertIn(line, lines)
            self.assertNotIn("sk-", told.stdout)
            self.assertEqual(weir.run("check", "--diff", str(weir.config)).stdout, "nothing changes\n")
            other.write_text("version: 2\n")
            self.assertEqual(weir.run("check", "--diff", str(other), check=False).returncode, 1)


class Outage(unittest.TestCase):
    """The first upstream of a plan is gone for a while, under load."""

    def setUp(self):
        self.gone = self.enterContext(Mock())
        self.other = self.enterContext(Mock())
        self.weir = self.enterContext(Weir(upstream=self.gone.base_url, local=False,
                                           endpoints=endpoints("first", "second"),
                                           routes="  r: {plan: [first, second]}\n"))
        self.weir.write_config(self.weir.config.read_text().replace(
            "endpoints:\n", f'  other: {{kind: openai_compatible, base_url: "{self.other.base_url}", api_key: k}}\n'
            "endpoints:\n", 1).replace('second: {upstream: up', 'second: {upstream: other', 1))
        self.key = self.weir.account(credit="1000.00")
        self.weir.start()

    def up(self):
        return metric(self.weir.scrape(), "weir_endpoint_up", endpoint="first")

    def ask(self, _=None):
        answer = self.weir.chat(self.key, "r", max_tokens=5)
        self.assertEqual(answer.status, 200, answer)
        return answer.field("x-weir-endpoint"), float(re.search(r"total;dur=([0-9.]+)", answer.field("server-timing"))[1])

    def test_all_are_answered_and_hardly_any_twice(self):
        with ThreadPoolExecutor(8) as pool:
            self.assertEqual({endpoint for endpoint, _ in pool.map(self.ask, range(200))}, {"first"})
            port = self.gone.address[1]
            n_before = len(self.gone.log())
            self.gone.__exit__()
            answers = list(pool.map(self.ask, range(1000)))
            # None waits for the dead one, once it is known to be dead.
            self.assertEqual({endpoint for endpoint, _ in answers}, {"second"})
            self.assertEqual(self.up(), 0)
            failed = metric(self.weir.scrape(), "weir_attempts_total", endpoint="first") - n_before
            self.assertLessEqual(failed, 30)  # 5 in a row, and what was under way
            # It comes back: one asks first, then more and more.
            with Mock(port) as back:
                seen = []

                def until_back():
                    seen.extend(endpoint for endpoint, _ in pool.map(self.ask, range(100)))
                    return seen[-100:].count("first") > 80

                self.weir.wait_until(until_back, "the first endpoint to take its share again")
                self.assertEqual(self.up(), 1)
                begin = seen.index("first")
                share = seen[begin:begin + 200].count("first") / 200
                self.assertLess(share, 0.6, "all at once")
                self.assertGreater(len(back.log()), 80)
        self.weir.verify()
