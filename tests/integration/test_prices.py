"""The price book as ops and finance meet it: show, import, windows, tiers, what is unpriced."""
import json
import unittest

from mock import Mock
from weir import Weir, cost, nano

TABLE = """\
sources:
  page: {title: "Vendor's page"}
models:
  - id: local/free
    prices: []
  - id: gpt-5.5
    provider: openai
    thinking: {tiers: ["off", high]}
    prices:
      - {service_tier: default, up_to_input_tokens: 272000, input: 5.00, cached_input: 0.50, output: 31.00, source: page, seen: 2026-06-19, verified: true}
      - {service_tier: default, above_input_tokens: 272000, input: 10.00, cached_input: 1.00, output: 46.50, source: page, seen: 2026-06-01, verified: true}
      - {service_tier: flex, input: 2.50, cached_input: 0.25, output: 15.50, source: page, seen: 2026-06-01, verified: true}
      - {service_tier: priority, input: 12.50, cached_input: 1.25, output: 75.00, source: page, seen: 2026-06-01, verified: false}
  - id: flash
    provider: deepseek
    prices:
      - {from: 2026-04-24, until: "2026-08-16T16:00Z", input: 0.14, cached_input: 0.0028, output: 0.28, source: page, seen: 2026-08-13, verified: true}
      - {from: 2026-09-10, window: off_peak, input: 0.15, cached_input: null, output: 0.60, source: page, seen: 2026-09-10, verified: true}
      - {from: 2026-09-10, window: peak, input: 0.30, cached_input: null, output: 1.20, source: page, seen: 2026-09-10, verified: true}
      - {currency: CNY, window: peak, input: 2.0, cached_input: 0.04, output: 8.0, source: page, seen: 2026-10-17, verified: true}
    peak_windows:
      - {utc: ["01:00-04:00", "06:00-10:00"], days: "every day", verified: true}
      - {utc: ["01:00-04:00", "06:00-10:00"], days: "Monday to Friday without Chinese public holidays", verified: true}
"""


def priced(weir, price):
    """The config with another price for the upstream's model."""
    lines = [line for line in weir.config.read_text().splitlines() if not line.startswith("  remote:")]
    weir.write_config("\n".join(lines) + f"\n  remote: {price}\n")


def pico(rates):
    names = {"input_uncached": "input", "cache_read": "cache_read", "cache_write": "cache_write",
             "output_answer": "output", "output_reasoning": "reasoning"}
    return {ours: nano(rates[name]["per_million"]) // 1000 for ours, name in names.items()}


class Prices(unittest.TestCase):
    def test_show_what_holds_at_an_instant(self):
        with Weir(upstream="http://127.0.0.1:1/v1", local=False) as weir:
            priced(weir, '{versions: {old: {effective_from: 2020-01-01T00:00:00Z, effective_until: 2026-01-01T00:00:00Z, '
                         'usd_per_million: {input: "1", output: "2"}}, new: {effective_from: 2026-10-01T00:00:00Z, '
                         'currency: CNY, usd_per_unit: "0.1403", markup_ppm: 150000, per_million: {input: "1.0", output: "4.0"}, '
                         'windows: {peak: {hours: ["01:00-04:00"], factors: {input: "2", output: "2"}}}, '
                         'long_context: {above_tokens: 1000, factors: {input: "2", output: "1.5"}}, '
                         'tiers: {flex: {factors: {input: "0.5", output: "0.5"}}}}}}')

            def shown(time):
                return json.loads(weir.run("price", "show", "remote", "--at", time, "--json").stdout)["prices"][0]
            old, gap, peak = shown("2025-12-31"), shown("2026-05-01"), shown("2026-11-01T01:00:00Z")
            self.assertEqual(old["holds"]["version"], "old")
            self.assertEqual(old["holds"]["tiers"]["standard"]["rates"]["output"]["per_million"], "2.00")
            self.assertIsNone(gap["holds"])
            self.assertEqual([version["version"] for version in gap["versions"]], ["old", "new"])
            holds = peak["holds"]
            self.assertEqual((holds["window"], holds["currency"], holds["usd_per_unit"], holds["markup_ppm"]),
                             ("peak", "CNY", "0.1403", 150000))
            standard = holds["tiers"]["standard"]
            self.assertEqual(standard["rates"]["input"], {"per_million": "2.00", "usd_for_a_million": "0.32269"})
            self.assertEqual(standard["long_context"]["rates"]["output"]["per_million"], "12.00")
            self.assertEqual(holds["tiers"]["flex"]["rates"]["input"]["per_million"], "1.00")
            self.assertEqual(len(holds["digest"]), 64)
            text = weir.run("price", "show", "--at", "2026-11-01T01:00:00Z").stdout
            for word in ("remote", "version new", "peak", "1 CNY is 0.1403 USD", "150000 ppm", "above 1000 tokens", "flex"):
                self.assertIn(word, text)
            self.assertIn("unpriced", weir.run("price", "show", "--at", "2026-05-01").stdout)
            unknown = weir.run("price", "show", "nowhere", check=False)
            self.assertEqual((unknown.returncode, unknown.stdout), (1, ""))
            self.assertEqual(weir.run("price", "show", "--at", "noon", check=False).returncode, 2)

    def test_import_prints_what_to_paste_and_what_changes(self):
        with Weir(upstream="http://127.0.0.1:1/v1", local=False, remote_models=("gpt-5.5",)) as weir:
            table = weir.folder / "prices-of-vendors.yaml"
            table.write_text(TABLE)
            printed = weir.run("price", "import", str(table)).stdout
            for words in ("prices.remote, its last version", "output: 30.00 -> 31.00", "tier flex, new",
                          "line 13: not verified", "flash: not in the config", "in CNY, which needs a rate",
                          "long_context: above 0 -> 272000 tokens"):
                self.assertIn(words, printed)
            self.assertNotIn("input: 5.00 ->", printed)
            pasted = weir.config.read_text().replace("price: remote", "price: gpt-5.5", 1).replace("price: remote", "price: flash", 1)
            block = printed[printed.index("prices:\n") + len("prices:\n"):]
            weir.write_config(pasted[:pasted.index("prices:\n")] + "prices:\n" + block)
            self.assertIn("ok", weir.run("check").stdout)
            shown = json.loads(weir.run("price", "show", "--at", "2026-10-30T09:00:00Z", "--json").stdout)["prices"]
            gpt, flash = ({price["name"]: price for price in shown}[name]["holds"] for name in ("gpt-5.5", "flash"))
            self.assertEqual(gpt["tiers"]["standard"]["long_context"]["rates"]["output"]["per_million"], "46.50")
            self.assertEqual(gpt["tiers"]["standard"]["long_context"]["rates"]["cache_read"]["per_million"], "1.00")
            self.assertEqual(gpt["tiers"]["flex"]["rates"]["output"]["per_million"], "15.50")
            self.assertEqual((flash["window"], flash["version"]), ("peak", "from-2026-09-10"))
            self.assertEqual(flash["tiers"]["standard"]["rates"]["cache_read"]["per_million"], "0.30")
            broken = weir.folder / "broken.yaml"
            broken.write_text("models: {a: 1}\n")
            refused = weir.run("price", "import", str(broken), check=False)
            self.assertEqual((refused.returncode, refused.stdout), (1, ""))
            self.assertIn("broken.yaml:1:1: models: is no list", refused.stderr)

    def test_a_request_pays_by_window_tier_and_mark_up(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            priced(weir, '{effective_from: 2020-01-01T00:00:00Z, markup_ppm: 250000, usd_per_million: {input: "5", output: "30"}, '
                         'windows: {all-day: {hours: ["00:00-24:00"], factors: {input: "2", output: "3"}}}, '
                         'tiers: {flex: {factors: {input: "0.5", output: "0.5"}}}}')
            key = weir.account()
            weir.start()
            rates = json.loads(weir.run("price", "show", "--json").stdout)["prices"][0]["holds"]["tiers"]
            for tier, asked in (("standard", "auto"), ("flex", "flex")):
                answer = weir.chat(key, "mock", max_tokens=5, service_tier=asked)
                self.assertEqual(answer.status, 200, answer)
                end = json.loads(weir.run("ledger", "show", answer.field("x-request-id"), "--json").stdout)["end"]
                tokens = {name: part["tokens"] for name, part in end["tokens"].items()}
                marked_up = {name: figure * 5 // 4 for name, figure in pico(rates[tier]["rates"]).items()}
                self.assertEqual(nano(end["charged_usd"]), cost(tokens, marked_up))
                self.assertEqual(sum(nano(part["usd"]) for part in end["tokens"].values()), nano(end["charged_usd"]))
                self.assertEqual((end["price"]["window"], end["price"]["tier"]), ("all-day", tier))
            refused = weir.chat(key, "mock", max_tokens=5, service_tier="priority")
            self.assertEqual((refused.status, refused.error()["code"]), (400, "unsupported_parameter"))
            self.assertIn("priority", refused.error()["message"])
            weir.stop_cleanly(self)
            weir.verify()

    def test_unpriced_is_not_served(self):
        future = '{effective_from: 2126-01-01T00:00:00Z, usd_per_million: {input: "5", output: "30"}}'
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.start()
            priced(weir, future)
            weir.signal(1)
            weir.wait_for_log("reload_refused.*prices.remote: no version holds now")
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
            weir.stop_cleanly(self)
            refused = weir.run("serve", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("prices.remote: no version holds now", refused.stderr)
