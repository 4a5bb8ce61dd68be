"""Who of a plan gets which request: conditions, capabilities, canary, order auto; and how often one is sent again."""
import collections
import json
import re
import socket
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import wire
from mock import Mock
from weir import Weir, metric

A, B, DEAD = "ok-n5", "ok-n5-c1", "fault-4"
TERMS = "n_ctx: 100000, output_tokens_max: 1000, price: remote"


def endpoints(*models, **more):
    return "".join(f'  {model}: {{upstream: up, model: "{model}", {TERMS}{more.get(model, "")}}}\n' for model in models)


def other_hours():
    """A span of hours, in UTC, in which it is not now and will not soon be."""
    hour = (time.gmtime().tm_hour + 11) % 24
    return f'"{hour:02}:00-{hour + 1:02}:00"'


class Plans(unittest.TestCase):
    def serve(self, models, routes, local=False, **more):
        self.mock = self.enterContext(Mock())
        self.weir = self.enterContext(Weir(upstream=self.mock.base_url, local=local, routes=routes,
                                           endpoints=endpoints(*models, **more) if isinstance(models, list) else models))
        self.key = self.weir.account(credit="1000.00")
        return self.weir.start()

    def ask(self, model="r", key=None, **members):
        members.setdefault("max_tokens", 5)
        answer = self.weir.chat(key or self.key, model, **members)
        self.assertEqual(answer.status, 200, answer)
        return answer.field("x-weir-endpoint"), answer.field("x-weir-reason")


class Conditions(Plans):
    def test_by_label_of_the_key(self):
        weir = self.serve([A, B], f"  r: {{plan: [{A}, {B}], when: {{{A}: {{labels: {{team: [batch, night]}}}}}}}}\n")
        batch = weir.run("key", "create", "--account", "demo", "--label", "team=batch").stdout.strip()
        other = weir.run("key", "create", "--account", "demo", "--label", "team=batches").stdout.strip()
        for stream in (False, True):
            self.assertEqual(self.ask(key=batch, stream=stream), (A, "listed"))
            for key in (self.key, other):
                self.assertEqual(self.ask(key=key, stream=stream), (B, f"listed; passed={A}(label:team)"))
        weir.wait_for_log(re.escape(f"passed={A}(label:team)"))

    def test_by_header(self):
        self.serve([A, B], f'  r: {{plan: [{A}, {B}], when: {{{A}: {{headers: {{X-Beta: "*", x-site: [a, b]}}}}}}}}\n')
        self.assertEqual(self.ask(fields=[("X-beta", "1"), ("x-site", "b")]), (A, "listed"))
        for fields, name in (([("x-site", "b")], "x-beta"), ([("x-beta", "1")], "x-site"),
                             ([("x-beta", "1"), ("x-site", "c")], "x-site")):
            self.assertEqual(self.ask(fields=fields), (B, f"listed; passed={A}(header:{name})"))

    def test_by_hours_and_prompt(self):
        self.serve([A, B, "ok-n3"], f"  r: {{plan: [{A}, {B}, ok-n3], when: {{{A}: {{hours: [{other_hours()}]}}, "
                                    f"{B}: {{prompt_tokens_min: 100}}}}}}\n")
        self.assertEqual(self.ask(), ("ok-n3", f"listed; passed={A}(hours),{B}(prompt_tokens)"))
        long = [{"role": "user", "content": "word " * 200}]
        self.assertEqual(self.ask(messages=long), (B, f"listed; passed={A}(hours)"))

    def test_where_none_holds_the_client_is_told(self):
        weir = self.serve([A, B], f"  r: {{plan: [{A}, {B}], when: {{{A}: {{prompt_tokens_min: 100}}, "
                                  f"{B}: {{labels: {{team: x}}}}}}}}\n")
        answer = weir.chat(self.key, "r", max_tokens=5)
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.error()["code"], "no_endpoint_matches")
        self.assertIn("prompt_tokens, label:team", answer.error()["message"])
        self.assertNotIn(A, answer.error()["message"])
        self.assertEqual(weir.balance()[1:], (0, 0))
        quote = wire.post_json(weir.api, "/v1/quote", {"model": "r", "messages": [{"role": "user", "content": "Hi"}]}, self.key)
        self.assertEqual(quote.status, 400)

    def test_what_a_model_cannot_do(self):
        self.serve([A, B], f"  r: {{plan: [{A}, {B}]}}\n", **{A: ", capabilities: []"})
        schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        self.assertEqual(self.ask()[0], A)
        for members in ({"response_format": schema}, {"tools": [tool]},
                        {"messages": [{"role": "user", "content": [picture]}]}):
            self.assertEqual(self.ask(**members)[0], B, members)

    def test_explained(self):
        routes = (f"  r: {{plan: [{A}, {B}], when: {{{A}: {{labels: {{team: batch}}, headers: {{x-site: a}}, "
                  '    hours: ["22:00-24:00"], time_zone: Europe/Berlin}}, '
                  'canary: {endpoint: ok-n3, percent: "50"}}\n')
        with Weir(upstream="http://127.0.0.1:1/v1", local=False, endpoints=endpoints(A, B, "ok-n3"), routes=routes) as weir:
            def explain(*words):
                told = json.loads(weir.run("check", "--explain", "r", "--json", *words).stdout)["plan"]
                return {step["endpoint"]: step.get("left_out", "") for step in told}

            all_of_it = ("--label", "team=batch", "--header", "X-Site: a", "--at", "2026-07-01T20:30:00Z")
            told = explain(*all_of_it)
            self.assertEqual((told[A], told[B]), ("", ""))
            self.assertIn("canary of 50 % of the users; --user NAME says of whom", told["ok-n3"])
            self.assertEqual(explain(*all_of_it[2:])[A], "its label team is not batch")
            self.assertEqual(explain(*all_of_it[:2], *all_of_it[4:])[A], "its header x-site is not a")
            self.assertEqual(explain(*all_of_it[:5], "2026-12-01T20:30:00Z")[A], "its hours or days are others")
            firsts = collections.Counter(next(iter(explain("--user", str(user)))) for user in range(20))
            self.assertEqual(set(firsts), {"ok-n3", B})
            self.assertEqual(json.loads(weir.run("check", "--explain", "r", "--json").stdout)["n_retries_max"], 0)
            text = weir.run("check", "--explain", "r").stdout
            self.assertIn(f"{A} (upstream up, model {A}): left out, its label team is not batch", text)
            for words in (("--label", "team"), ("--header", "x"), ("--at", "noon"), ("--needs", "wit")):
                self.assertEqual(weir.run("check", "--explain", "r", *words, check=False).returncode, 2, words)


class Canary(Plans):
    def test_a_share_of_the_users_and_each_on_one_side(self):
        weir = self.serve([A, B], f'  r: {{plan: [{A}], canary: {{endpoint: {B}, percent: "30"}}}}\n'
                                  f'  more: {{plan: [{A}], canary: {{endpoint: {B}, percent: "30"}}}}\n')
        with ThreadPoolExecutor(8) as pool:
            sides = list(pool.map(lambda user: self.ask(safety_identifier=f"user-{user}"), range(200)))
            again = list(pool.map(lambda user: self.ask(user=f"user-{user}", stream=True), range(200)))
            other = list(pool.map(lambda user: self.ask("more", user=f"user-{user}"), range(50)))
        self.assertEqual(sides, again)
        n = collections.Counter(sides)
        self.assertEqual(set(n), {(A, "listed"), (B, "canary")})
        self.assertTrue(35 < n[B, "canary"] < 85, n)  # 60 expected, 6.5 the deviation
        self.assertNotEqual(other, sides[:50])  # each route draws for itself
        self.assertEqual(len({self.ask() for _ in range(10)}), 1)  # who names no user is its account
        samples = weir.scrape()
        for side, endpoint in (("canary", B), ("plan", A)):
            counted = metric(samples, "weir_canary_requests_total", route="r", side=side)
            self.assertTrue(0 <= counted - 2 * sum(e == endpoint for e, _ in sides) <= 10, samples)
        # What is explained offline is what happens.
        for user in range(5):
            told = json.loads(weir.run("check", "--explain", "r", "--user", f"user-{user}", "--json").stdout)
            self.assertEqual(told["plan"][0]["endpoint"], sides[user][0])

    def test_the_plan_stands_behind_it(self):
        weir = self.serve([A, DEAD], f'  r: {{plan: [{A}], canary: {{endpoint: {DEAD}, percent: "99"}}}}\n')
        seen = collections.Counter(self.ask(user=str(user)) for user in range(60))
        self.assertEqual({endpoint for endpoint, _ in seen}, {A})
        self.assertGreaterEqual(seen[A, "listed; after=server_error"], 15, seen)
        self.assertGreaterEqual(seen[A, f"listed; down={DEAD}"], 30, seen)  # it is left alone when it is down
        weir.verify()

    def test_by_request(self):
        self.serve([A, B], f'  r: {{plan: [{A}], canary: {{endpoint: {B}, percent: "50", by: request}}}}\n')
        n = collections.Counter(self.ask(user="one") for _ in range(100))
        self.assertTrue(25 < n[B, "canary"] < 75, n)


class Auto(Plans):
    def test_cost_latency_and_quality(self):
        models = "".join(f'  {name}: {{upstream: up, model: "{name}", {TERMS}, quality: {quality}}}\n'
                         for name, quality in ((A, 90), ("ok-n5-first300", 91)))
        models += "  small: {engine: v4, price: house, quality: 30}\n"
        route = f"plan: [ok-n5-first300, {A}, small], order: auto"
        weir = self.serve(models, f"  cheap: {{{route}, balance: {{cost: 5}}}}\n"
                                  f"  good: {{{route}, balance: {{cost: 0, latency: 1, quality: 9}}}}\n", local=True)
        endpoint, reason = self.ask("cheap")
        self.assertEqual(endpoint, "small")
        self.assertRegex(reason, r"^auto; score=\d\.\d{3}$")
        # The best one, until it is known to be slow: its 0.1 % do not outweigh that.
        order = [self.ask("good", stream=True)[0] for _ in range(4)]
        self.assertEqual(order, ["ok-n5-first300", A, A, A])
        told = json.loads(weir.run("check", "--explain", "cheap", "--tokens", "100", "--json").stdout)["plan"]
        self.assertEqual(told[0]["endpoint"], "small")
        self.assertAlmostEqual(told[0]["score"]["quality"], 1 - 30 / 91)
        self.assertEqual(told[1]["score"]["cost"], 5)
        self.assertIn("score 5.0", weir.run("check", "--explain", "cheap").stdout)


class Retries(Plans):
    def statuses(self, model, n, **members):
        with ThreadPoolExecutor(8) as pool:
            return collections.Counter(pool.map(
                lambda _: self.weir.chat(self.key, model, max_tokens=5, **members).status, range(n)))

    def test_an_outage_of_all_is_not_answered_with_more_calls(self):
        models = [DEAD, "fault-4-n2", "fault-4-n3"]
        weir = self.serve(models, f"  r: {{plan: [{', '.join(models)}], n_retries_max: 2}}\n")
        n = 2000
        self.assertEqual(self.statuses("r", n), {502: n})
        n_calls = len(self.mock.log())
        self.assertLessEqual(n_calls, n * 1.1)
        self.assertGreater(n_calls, n * 1.05)  # what there is room for is used
        samples = weir.scrape()
        self.assertGreater(metric(samples, "weir_retries_total", made="no"), 0)
        self.assertGreater(metric(samples, "weir_retries_total", made="yes"), 0)
        self.assertEqual(weir.balance()[1:], (0, 0))
        weir.verify()

    def test_as_often_as_the_route_says_and_no_more(self):
        weir = self.serve([DEAD], f"  r: {{plan: [{DEAD}], n_retries_max: 2}}\n  s: {{plan: [{DEAD}]}}\n")
        for model, fields, n_expected in (("r", (), 3), ("s", (), 1),
                                          ("r", [("x-stainless-retry-count", "2")], 1)):
            n_before = len(self.mock.log())
            self.assertEqual(weir.chat(self.key, model, max_tokens=5, fields=fields).status, 502)
            self.assertEqual(len(self.mock.log()) - n_before, n_expected, (model, fields))
        self.assertEqual(weir.balance()[1:], (0, 0))

    def test_an_upstream_that_comes_back_answers_after_all(self):
        weir = self.serve([A], f"  r: {{plan: [{A}], n_retries_max: 2}}\n")
        self.mock.restart()  # kept connections are dead
        for _ in range(3):
            port = self.mock.address[1]
            self.mock.__exit__()
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(weir.chat, self.key, "r", max_tokens=5)
                self.mock = self.enterContext(Mock(port))
                self.assertIn(answer.result().status, (200, 502))  # 502: all pauses were short
        self.assertEqual(weir.chat(self.key, "r", max_tokens=5).status, 200)

    def test_a_client_that_goes_in_a_pause_is_charged_nothing(self):
        weir = self.serve([DEAD], f"  r: {{plan: [{DEAD}], n_retries_max: 2}}\n")
        for _ in range(3):
            body = {"model": "r", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
            n_before = len(self.mock.log())
            with wire.Connection(weir.api) as connection:
                connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(self.key),
                                                   json.dumps(body).encode()))
                weir.wait_until(lambda: len(self.mock.log()) > n_before, "the first attempt")
                connection.socket.shutdown(socket.SHUT_RDWR)
            weir.wait_until(lambda: weir.balance()[1:] == (0, 0), "the hold to go")
        weir.stop_cleanly(self)
        weir.verify()

    def test_an_upstream_that_takes_no_connection_costs_its_time_out_and_few_calls(self):
        with socket.socket() as hole, Mock() as other:
            hole.bind(("127.0.0.1", 0))
            hole.listen(0)
            waiting = [self.enterContext(socket.socket()) for _ in range(8)]  # its queue is full: SYNs are dropped
            for client in waiting:
                client.setblocking(False)
                client.connect_ex(hole.getsockname())
            weir = self.enterContext(Weir(
                upstream=other.base_url, local=False, endpoints=endpoints(A) + endpoints(B).replace("upstream: up", "upstream: hole"),
                routes=f"  r: {{plan: [{B}, {A}], n_retries_max: 2, timeouts: {{connect: 300ms}}}}\n"))
            weir.write_config(weir.config.read_text().replace(
                "endpoints:\n", f'  hole: {{kind: openai_compatible, base_url: "http://127.0.0.1:{hole.getsockname()[1]}/v1"}}\n'
                "endpoints:\n", 1))
            self.weir, self.key = weir, weir.account(credit="1000.00")
            weir.start()

            def ask(_):
                answer = weir.chat(self.key, "r", max_tokens=5)
                self.assertEqual((answer.status, answer.field("x-weir-endpoint")), (200, A))
                return float(re.search(r"total;dur=([0-9.]+)", answer.field("server-timing"))[1]), answer.field("x-weir-reason")

            n = 500
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(ask, range(n)))
            waited = [ms for ms, reason in answers if "after=connect" in reason]
            self.assertTrue(5 <= len(waited) <= 20, len(waited))  # 5 tell that it is down, and those under way
            self.assertGreaterEqual(min(waited), 300)
            at_once = sorted(ms for ms, reason in answers if f"down={B}" in reason)
            self.assertLess(at_once[len(at_once) // 2], 150)
            self.assertLessEqual(metric(weir.scrape(), "weir_attempts_total"), n * 1.1)
