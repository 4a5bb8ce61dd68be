"""Accounts, keys and budgets as operators and clients meet them: over the command line and over HTTP."""
import json
import threading
import unittest
from html.parser import HTMLParser
from pathlib import Path

import wire
from mock import Mock
from weir import PICO, Weir, cost, metric, nano


def error_of(answer):
    return answer.json()["error"]


def lines(weir, *arguments):
    return json.loads(weir.run(*arguments, "--json").stdout)


def quote(weir, key, model, **members):
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **members}
    return wire.post_json(weir.api, "/v1/quote", body, key)


class Page(HTMLParser):
    """The rows of a page's tables, and whether anything is fetched or left open."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.open, self.fetched = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.fetched += [value for name, value in attributes if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


class Statements(unittest.TestCase):
    def test_a_page_that_says_what_the_report_says(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.start()
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
            total, = weir.report("--by", "day")
            month = total["day"][:7]
            html = weir.run("statement", "demo", month).stdout
            page = Page(html)
            self.assertEqual((page.open, page.fetched), ([], []))
            day = next(row for row in page.rows if row[0] == total["day"])
            self.assertEqual(day[1], "1")
            self.assertEqual(day[-2:], [total["usd"], "0.00"])
            self.assertIn(["At the end", f"{(nano('10.00') - nano(total['usd'])) / 10**9:.9f}".rstrip("0")],
                          [row for row in page.rows if row[0] == "At the end"])
            file = f"{weir.ledger}.html"
            weir.run("statement", "demo", month, "--out", file)
            self.assertEqual(Path(file).read_text(), html)
            self.assertEqual(weir.run("statement", "nobody", month, check=False).returncode, 1)
            self.assertEqual(weir.run("statement", "demo", "October", check=False).returncode, 2)


class Keys(unittest.TestCase):
    def test_scopes_rotation_and_states_hold_at_once(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=["second"],
                                  routes="  both: {plan: [mock, second], aliases: [alias]}\n") as weir:
            plain = weir.account()
            weir.start()

            def create(*arguments):
                return weir.run("key", "create", "demo", *arguments).stdout.strip()
            routed = create("--name", "ci", "--label", "env=prod", "--label", "app=x", "--route", "both")
            self.assertEqual(weir.chat(routed, "both", max_tokens=5).status, 200)
            self.assertEqual(weir.chat(routed, "alias", max_tokens=5).status, 200)
            refused = weir.chat(routed, "mock", max_tokens=5)
            self.assertEqual((refused.status, error_of(refused)["code"]), (404, "model_not_found"))
            models = [entry["id"] for entry in weir.get("/v1/models", routed).json()["data"]]
            self.assertEqual(models, ["alias", "both"])
            self.assertEqual(weir.get("/v1/models/mock", routed).status, 404)

            bound = create("--endpoint", "second")
            answer = weir.chat(bound, "both", max_tokens=5)
            self.assertEqual((answer.status, answer.field("x-weir-endpoint")), (200, "second"))
            self.assertEqual(weir.chat(bound, "mock", max_tokens=5).status, 404)

            self.assertEqual(weir.chat(create("--from", "127.0.0.0/8"), "mock", max_tokens=5).status, 200)
            elsewhere = weir.chat(create("--from", "10.0.0.0/8"), "mock", max_tokens=5)
            self.assertEqual((elsewhere.status, error_of(elsewhere)["code"]), (401, "ip_not_authorized"))

            self.assertEqual(weir.chat(create("--expires", "1h"), "mock", max_tokens=5).status, 200)
            self.assertEqual(weir.chat(create("--expires", "0s"), "mock", max_tokens=5).status, 401)

            weir.run("key", "disable", "1")
            self.assertEqual(weir.chat(plain, "mock", max_tokens=5).status, 401)
            weir.run("key", "enable", "1")
            self.assertEqual(weir.chat(plain, "mock", max_tokens=5).status, 200)
            beside = weir.run("key", "rotate", "1", "--overlap", "1h").stdout.strip()
            for key in (plain, beside):
                self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
            alone = weir.run("key", "rotate", "1", "--overlap", "0s").stdout.strip()
            self.assertEqual([weir.chat(key, "mock", max_tokens=5).status for key in (plain, beside, alone)],
                             [401, 401, 200])
            weir.run("key", "expire", "1")
            self.assertEqual(weir.chat(alone, "mock", max_tokens=5).status, 401)

            listed = {key["id"]: key for key in lines(weir, "key", "list")}
            self.assertEqual((listed[2]["name"], listed[2]["labels"], listed[2]["routes"]),
                             ("ci", ["app=x", "env=prod"], ["both"]))
            self.assertIsNotNone(listed[1]["last_used_at"])
            self.assertIsNone(listed[5]["last_used_at"])  # refused for where it came from
            self.assertIn("routes both", weir.run("key", "list").stdout)
            weir.stop_cleanly(self)
            self.assertEqual({key["id"]: key for key in lines(weir, "key", "list")}, listed)
            weir.verify()

    def test_wrong_words_are_told(self):
        with Weir(upstream="http://127.0.0.1:1/v1", local=False) as weir:
            weir.account()
            for arguments, told in ((("key", "create"), "whose key"),
                                    (("key", "create", "demo", "--from", "10.0.0.1/8"), "10.0.0.0/8"),
                                    (("key", "create", "demo", "--label", "x"), "name=value"),
                                    (("key", "create", "demo", "--expires", "soon"), "RFC 3339"),
                                    (("key", "rotate", "9", "--overlap", "1h"), "weir key list"),
                                    (("account", "create", "a/b"), "no such account"),
                                    (("account", "create", "x", "--no-wallet"), "nobody above"),
                                    (("account", "rename", "demo", "a/b"), "A-Z"),
                                    (("account", "limit", "demo", "1.00"), "postpaid"),
                                    (("credit", "take", "demo", "10.01"), "no more can be taken"),
                                    (("budget", "remove", "--key", "1", "--per", "day"), "weir budget list"),
                                    (("budget", "set", "--account", "demo", "--per", "day", "1.00", "--tz", "Mars"),
                                     "time zone Mars")):
                refused = weir.run(*arguments, check=False)
                self.assertNotEqual(refused.returncode, 0, arguments)
                self.assertIn(told, refused.stderr, arguments)


class Accounts(unittest.TestCase):
    def test_a_tree_is_paid_by_the_nearest_wallet_and_keeps_its_history(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            weir.account("org", credit="1.00")
            weir.run("account", "create", "team", "--parent", "org", "--no-wallet")
            weir.run("account", "create", "org/team/project", "--no-wallet")
            weir.run("account", "create", "org/late", "--postpaid", "0.50")
            weir.start()
            project = weir.run("key", "create", "org/team/project").stdout.strip()
            late = weir.run("key", "create", "org/late").stdout.strip()
            self.assertEqual(weir.chat(project, "mock", max_tokens=5).status, 200)
            self.assertEqual(weir.chat(late, "mock", max_tokens=5).status, 200)
            weir.run("account", "rename", "org/team", "crew")
            self.assertEqual(weir.chat(project, "mock", max_tokens=5).status, 200)
            accounts = {account["name"]: account for account in lines(weir, "account", "list")}
            self.assertEqual(list(accounts), ["org", "org/crew", "org/crew/project", "org/late"])
            self.assertEqual(accounts["org/crew/project"]["paid_by"], "org")
            spent = nano(accounts["org"]["spent"])
            self.assertGreater(spent, 0)
            self.assertEqual(nano(accounts["org/late"]["available"]), 500_000_000 - spent // 2)
            self.assertIn("  crew", weir.run("account", "list").stdout)

            def usd(*arguments):
                return {row["account"]: nano(row["usd"]) for row in weir.report("--by", "account", *arguments)}
            self.assertEqual(usd("--account", "org/team"), {"org/team/project": spent // 2})
            self.assertEqual(usd("--account", "org/crew"), {"org/crew/project": spent // 2})
            self.assertEqual(sum(usd("--account", "org").values()), 3 * spent // 2)
            self.assertEqual(usd("--account", "or"), {})

            refused = weir.chat(late, "mock", max_tokens=100_000)  # 3.00 USD at most
            self.assertEqual((refused.status, error_of(refused)["code"]), (429, "insufficient_quota"))
            weir.run("account", "close", "org/crew")
            self.assertEqual(weir.chat(project, "mock", max_tokens=5).status, 401)
            weir.stop_cleanly(self)
            self.assertEqual({a["name"]: a for a in lines(weir, "account", "list")}["org/crew/project"]["closed"], True)
            weir.verify()

    def test_credits_count_once_and_can_be_taken(self):
        with Weir(upstream="http://127.0.0.1:1/v1", local=False) as weir:
            weir.account()
            for said in ("", "under INV-1 before: nothing is done again"):
                self.assertIn(said, weir.run("credit", "add", "demo", "5.00", "--ref", "INV-1").stdout)
            other = weir.run("credit", "add", "demo", "6.00", "--ref", "INV-1", check=False)
            self.assertEqual(other.returncode, 1)
            self.assertIn("it added 5.00 USD", other.stderr)
            weir.run("credit", "take", "demo", "14.00", "--ref", "INV-2")
            weir.run("credit", "take", "demo", "14.00", "--ref", "INV-2")
            self.assertEqual(weir.balance(), (nano("1.00"), 0, 0))
            weir.verify()


class Budgets(unittest.TestCase):
    def test_a_full_budget_refuses_by_name_and_comes_back_after_kill(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.run("budget", "set", "--account", "demo", "--per", "month", "0.03", "--tz", "Asia/Shanghai",
                     "--alert", "1,2")
            weir.start()
            answer = weir.chat(key, "mock", max_tokens=500)  # at most about 0.015
            self.assertEqual(answer.status, 200)
            spent = weir.balance()[2]
            for _ in range(2):
                budget, = lines(weir, "budget", "list")
                self.assertEqual((nano(budget["used"]), budget["held"], budget["limit"]), (spent, "0.00", "0.03"))
                refused = weir.chat(key, "mock", max_tokens=1000)
                self.assertEqual((refused.status, error_of(refused)["code"], error_of(refused)["type"]),
                                 (429, "insufficient_quota", "insufficient_quota"))
                self.assertIn("monthly budget of account demo (0.03 USD)", error_of(refused)["message"])
                self.assertIn(f"begins anew at {budget['resets_at']}", error_of(refused)["message"])
                self.assertEqual(refused.field("x-should-retry"), "false")
                weir.kill()
                weir.verify()
                weir.start()
            usage = weir.get("/v1/usage", key)
            self.assertEqual(usage.status, 200)
            told = usage.json()
            self.assertEqual((told["account"], nano(told["spent"]), told["held"]), ("demo", spent, "0.00"))
            self.assertEqual([(b["of"], b["name"], b["per"], nano(b["used"])) for b in told["budgets"]],
                             [("account", "demo", "month", spent)])
            weir.run("budget", "set", "--account", "demo", "--per", "month", "9.00", "--tz", "Asia/Shanghai")
            self.assertEqual(weir.chat(key, "mock", max_tokens=1000).status, 200)
            weir.run("budget", "remove", "--account", "demo", "--per", "month")
            self.assertEqual(lines(weir, "budget", "list"), [])
            weir.stop_cleanly(self)
            weir.verify()

    def test_thresholds_are_logged_and_counted(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            tokens = {"input_uncached": 1, "output_answer": 5}
            weir.run("budget", "set", "--key", "1", "--per", "day", "0.10", "--alert",
                     f"{max(1, cost(tokens, PICO['remote']) // 10**6)}")
            weir.start()
            for _ in range(100):
                self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
                if any("budget_alert" in line for line in weir.log_lines):
                    break
            weir.wait_for_log(r"budget_alert.*1% of the daily budget of key 1 \(0.10 USD\)")
            self.assertEqual(metric(weir.scrape(), "weir_budget_alerts_total", of="key", period="day"), 1)
            weir.stop_cleanly(self)

    def test_many_at_once_stay_within_the_budget(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            weir.account("org")
            weir.run("account", "create", "org/team", "--no-wallet")
            keys = [weir.run("key", "create", "org/team").stdout.strip() for _ in range(3)]
            weir.run("budget", "set", "--account", "org/team", "--per", "day", "0.05")
            weir.start()

            codes = []

            def ask(n):
                codes.append(weir.chat(keys[n % 3], "mock", max_tokens=300).status)  # at most about 0.009
            threads = [threading.Thread(target=ask, args=(n,)) for n in range(30)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(set(codes) - {200, 429}, set())
            budget, = lines(weir, "budget", "list")
            self.assertEqual(budget["held"], "0.00")
            self.assertLessEqual(nano(budget["used"]), nano("0.05"))
            self.assertEqual(nano(budget["used"]), weir.balance("org")[2])
            weir.stop_cleanly(self)
            weir.verify()


class Quotes(unittest.TestCase):
    def test_what_a_request_would_cost_without_sending_it(self):
        with Mock() as mock, Weir(upstream=mock.base_url, remote_models=["second"],
                                  routes="  both: {plan: [mock, second]}\n") as weir:
            key = weir.account()
            weir.start()
            told = quote(weir, key, "both", max_tokens=100)
            self.assertEqual(told.status, 200)
            told = told.json()
            self.assertEqual((told["object"], told["route"], told["fits_context"], told["prompt_tokens_exact"],
                              told["cached_tokens"]), ("quote", "both", True, False, None))
            self.assertEqual([step["endpoint"] for step in told["plan"]], ["mock", "second"])
            step = told["plan"][0]
            self.assertEqual((step["completion_tokens_max"], step["price"]), (100, "remote"))
            self.assertEqual(nano(step["worst_cost_usd"]),
                             cost({"input_uncached": step["prompt_tokens_max"], "output_answer": 100}, PICO["remote"]))
            self.assertEqual(told["worst_cost_usd"], step["worst_cost_usd"])

            local = quote(weir, key, "local", max_tokens=10).json()
            self.assertTrue(local["prompt_tokens_exact"])
            self.assertEqual(local["plan"][0]["prompt_tokens"], local["plan"][0]["prompt_tokens_max"])
            answer = weir.chat(key, "local", max_tokens=10)
            self.assertEqual(answer.json()["usage"]["prompt_tokens"], local["prompt_tokens"])

            again = {"max_tokens": 5, "messages": [{"role": "user", "content": "Water. " * 300}]}
            self.assertEqual(quote(weir, key, "local", **again).json()["cached_tokens"], 0)
            weir.chat(key, "local", **again)
            cached = quote(weir, key, "local", **again).json()["cached_tokens"]
            self.assertGreaterEqual(cached, 128)
            usage = weir.chat(key, "local", **again).json()["usage"]
            self.assertEqual(usage["prompt_tokens_details"]["cached_tokens"], cached)

            refused = [ask(key, "local", max_tokens=100_000) for ask in (weir.chat, lambda *a, **m: quote(weir, *a, **m))]
            self.assertEqual([answer.status for answer in refused], [400, 400])
            self.assertEqual(error_of(refused[0]), error_of(refused[1]))
            much = quote(weir, key, "both", max_tokens=100_000,
                         messages=[{"role": "user", "content": "word " * 900_000}]).json()
            self.assertEqual((much["fits_context"], much["plan"], much["worst_cost_usd"]), (False, [], None))
            self.assertEqual(quote(weir, key, "nothing").status, 404)
            self.assertEqual(quote(weir, key, "both", temperature=9).status, 400)
            self.assertEqual(quote(weir, "sk-weir-" + "0" * 43, "both").status, 401)
            self.assertEqual(wire.request(weir.api, "GET", "/v1/quote",
                                          [("authorization", f"Bearer {key}")]).status, 405)
            self.assertEqual(mock.log(), [])
            self.assertEqual(weir.balance()[1], 0)
            entries = json.loads(weir.run("ledger", "verify", "--json").stdout)["entries"]
            quote(weir, key, "both", max_tokens=100)
            self.assertEqual(json.loads(weir.run("ledger", "verify", "--json").stdout)["entries"], entries)
            weir.stop_cleanly(self)


if __name__ == "__main__":
    unittest.main()
