"""weir show: what runs, from the server itself."""
import json
import signal
import unittest
from concurrent.futures import ThreadPoolExecutor

from mock import Mock
from weir import Weir

OK, DEAD, SLOW = "ok-n5", "fault-4", "ok-n5-first1000"
TERMS = "n_ctx: 100000, output_tokens_max: 1000, price: remote"


class Show(unittest.TestCase):
    def setUp(self):
        mock = self.enterContext(Mock())
        self.weir = self.enterContext(Weir(
            upstream=mock.base_url, limits="limits: {rate_limits: {account: {n_running_max: 50}}}\n",
            endpoints="".join(f'  {m}: {{upstream: up, model: "{m}", {TERMS}}}\n' for m in (OK, DEAD, SLOW)),
            routes=f"  r: {{plan: [{DEAD}, {OK}], when: {{{OK}: {{prompt_tokens_max: 9000}}}}, aliases: [also], "
                   f"rate_limits: {{key: {{requests_per_minute: 1000}}}}}}\n"
                   f'  s: {{plan: [{OK}], canary: {{endpoint: {SLOW}, percent: "99"}}}}\n'))
        self.key = self.weir.account()
        self.weir.start()

    def show(self):
        return json.loads(self.weir.run("show", "--json").stdout)

    def endpoint(self, name):
        return next(e for e in self.show()["endpoints"] if e["name"] == name)

    def test_config_routes_health_and_load(self):
        weir = self.weir
        shown = self.show()
        self.assertEqual((shown["state"], shown["pid"]), ("serving", weir.process.pid))
        self.assertEqual(shown["listening"]["api"], "%s:%d" % weir.api)
        self.assertEqual(shown["config"]["file"], str(weir.config))
        self.assertIn(shown["config"]["hash"], "".join(weir.scrape()))
        self.assertEqual(shown["limits"], {"limits_of_each_account": {"n_running_max": 50}})
        routes = {route["name"]: route for route in shown["routes"]}
        self.assertEqual(routes["r"], {
            "name": "r", "aliases": ["also"], "order": "listed", "plan": [DEAD, OK], "conditional": [OK],
            "limits_of_each_key": {"requests_per_minute": 1000}})
        self.assertEqual(routes["s"]["canary"], SLOW)
        self.assertEqual({e["name"]: e["breaker"] for e in shown["endpoints"]},
                         dict.fromkeys(("local-v4", "mock", OK, DEAD, SLOW), "closed"))
        self.assertEqual(shown["engines"][0]["sequences_max"], 8)
        self.assertEqual((shown["requests"]["running"], shown["ledger"]["available"]), (0, True))

        for _ in range(30):
            self.assertEqual(weir.chat(self.key, "r", max_tokens=5).status, 200)
        self.assertEqual(self.endpoint(DEAD)["breaker"], "open")
        self.assertGreater(self.endpoint(OK)["first_token_s"] or self.endpoint(OK)["tokens_per_s"] or 1, 0)
        upstream = self.show()["upstreams"][0]
        self.assertEqual(upstream["further_attempts_10s"], 20)
        self.assertEqual((upstream["requests_10s"], upstream["retries_left"]), (30, 0))

        with ThreadPoolExecutor(3) as pool:
            slow = [pool.submit(weir.chat, self.key, "s", max_tokens=5, user=str(i)) for i in range(3)]
            weir.wait_until(lambda: self.show()["requests"]["running"] == 3, "three requests to run")
            shown = self.show()
            self.assertGreaterEqual(shown["upstreams"][0]["inflight"], 1)
            self.assertEqual(shown["ledger"]["reservations_open"], 3)
            self.assertNotEqual(shown["ledger"]["reserved_usd"], "0")
            for answer in slow:
                self.assertEqual(answer.result().status, 200)
        text = weir.run("show").stdout
        for word in ("serving since", "BREAKER", "open", "RETRIES_LEFT", "CANARY", "requests 0 of 4096"):
            self.assertIn(word, text)
        for secret in ("sk-upstream", self.key):
            self.assertNotIn(secret, text + json.dumps(shown))

    def test_after_reloads(self):
        weir = self.weir
        before = self.show()["config"]
        text = weir.config.read_text()
        weir.write_config(text + "\n# a line\n")
        self.assertIn("the file has changed since", weir.run("show").stdout)
        weir.signal(signal.SIGHUP)
        weir.wait_for_log("event=reloaded")
        after = self.show()["config"]
        self.assertNotEqual(after["hash"], before["hash"])
        self.assertGreaterEqual(after["loaded"], before["loaded"])
        self.assertNotIn("has changed", weir.run("show").stdout)
        weir.write_config("version: 2\n")
        weir.signal(signal.SIGHUP)
        weir.wait_for_log("event=reload_refused")
        weir.write_config(text)
        shown = self.show()["config"]
        self.assertTrue(shown["last_reload_refused"])
        self.assertEqual(shown["hash"], after["hash"])
        self.assertIn("the last reload was refused", weir.run("show").stdout)

    def test_without_a_server(self):
        self.weir.stop_cleanly(self)
        told = self.weir.run("show", check=False)
        self.assertEqual(told.returncode, 1)
        self.assertIn("no server runs on the ledger", told.stderr)

    def test_more_than_a_datagram(self):
        """A thousand routes: half a megabyte of answer."""
        text = self.weir.config.read_text()
        many = "".join(f"  {'long-' * 20}{i}: {{plan: [{OK}]}}\n" for i in range(990))
        self.weir.write_config(text.replace("routes:\n", "routes:\n" + many, 1))
        self.weir.signal(signal.SIGHUP)
        self.weir.wait_for_log("event=reloaded")
        self.assertGreater(len(self.show()["routes"]), 990)
