"""The ledger as finance meets it: anchors, verify, show."""
import csv
import io
import json
import os
import re
import sqlite3
import stat
import unittest
from datetime import datetime, timedelta
from pathlib import Path

from mock import Mock
from weir import PICO, Weir, cost, metric, nano


def tamper(weir, *statements):
    """Changes entries as somebody with the file does; the triggers stand again afterwards."""
    with sqlite3.connect(weir.ledger) as database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        for _, sql in triggers:
            database.execute(sql)
    database.close()


def verification(weir):
    return json.loads(weir.run("ledger", "verify", "--json", check=False).stdout)


class Anchors(unittest.TestCase):
    def test_at_stop_in_the_file_the_log_and_the_metrics(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            anchors = Path(f"{weir.ledger}.anchors")
            key = weir.account()
            weir.start()
            at_start = verification(weir)
            samples = weir.scrape()
            self.assertEqual(metric(samples, "weir_ledger_anchor_entry"), at_start["entries"])
            self.assertEqual(metric(samples, "weir_ledger_anchor_head"), int(at_start["head"][:13], 16))
            self.assertEqual(metric(samples, "weir_ledger_anchors_failed_total"), 0)
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
            weir.stop_cleanly(self)
            told = next(m for line in weir.log_lines
                        if (m := re.search(r"ledger_anchor.*entry (\d+) head ([0-9a-f]{64}) open holds 0", line)))
            found = verification(weir)
            self.assertEqual((int(told[1]), told[2]), (found["entries"], found["head"]))
            self.assertEqual(found["anchors"], at_start["anchors"] + 1)
            self.assertEqual(stat.S_IMODE(os.stat(anchors).st_mode), 0o600)
            self.assertIn(told[2], anchors.read_text().splitlines()[-1])

    def test_a_cut_end_is_named_and_not_served(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            weir.account()
            weir.run("credit", "add", "demo", "2.00")
            n_entries = verification(weir)["entries"]
            tamper(weir, f"DELETE FROM entries WHERE seq = {n_entries}")
            cut = weir.run("ledger", "verify", check=False)
            self.assertEqual(cut.returncode, 1)
            self.assertIn(f"the ledger ends at entry {n_entries - 1}, its anchors reach entry {n_entries}", cut.stdout)
            for command in (["serve"], ["credit", "add", "demo", "1.00"]):
                refused = weir.run(*command, check=False)
                self.assertEqual(refused.returncode, 1)
                self.assertEqual(len(refused.stderr.strip().splitlines()), 1, refused.stderr)
                self.assertIn("move the anchors away", refused.stderr)

    def test_without_anchors_that_is_said_and_they_are_made_again(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            weir.account()
            os.remove(f"{weir.ledger}.anchors")
            self.assertIn("no file of anchors", weir.verify().stdout)
            self.assertIsNone(verification(weir)["anchors"])
            weir.start()
            weir.stop_cleanly(self)
            self.assertIn("anchors that agree: 1", weir.verify().stdout)


class Show(unittest.TestCase):
    def test_a_request_by_the_id_that_its_client_was_told(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.start()
            answers = [weir.chat(key, "mock", max_tokens=5) for _ in range(2)]
            streamed = weir.chat(key, "mock", stream=True, max_tokens=5)
            ids = [answer.field("x-request-id") for answer in (*answers, streamed)]
            self.assertEqual(len(set(ids)), 3)
            weir.wait_for_log(ids[2])
            usage = answers[0].json()["usage"]
            shown = json.loads(weir.run("ledger", "show", ids[0], "--json").stdout)
            self.assertEqual(shown["request"], ids[0])
            self.assertEqual(shown["account"], "demo")
            end = shown["end"]
            self.assertEqual((end["kind"], end["endpoint"], end["model"]), ("settled", "mock", "mock"))
            tokens = {name: part["tokens"] for name, part in end["tokens"].items()}
            self.assertEqual(tokens["output_answer"] + tokens["output_reasoning"], usage["completion_tokens"])
            self.assertEqual(nano(end["charged_usd"]), cost(tokens, PICO["remote"]))
            attempt, = shown["attempts"]
            self.assertEqual((attempt["endpoint"], attempt["outcome"], attempt["cost_by"]),
                             ("mock", "complete", "upstream"))
            self.assertEqual(attempt["upstream_tokens"], tokens)
            self.assertEqual(attempt["operator_usd"], end["charged_usd"])
            self.assertLessEqual(shown["reserved_at"], attempt["ended"])
            text = weir.run("ledger", "show", str(shown["number"])).stdout
            for word in (ids[0], "demo", end["charged_usd"], "input_uncached", "5.00"):
                self.assertIn(word, text)
            refused = weir.chat(key, "unknown", max_tokens=5)  # held nothing: the ledger has nothing
            for name in (refused.field("x-request-id"), "req_" + "0" * 32, "0", "999"):
                unknown = weir.run("ledger", "show", name, check=False)
                self.assertEqual((unknown.returncode, unknown.stdout), (1, ""))
                self.assertIn(f"no request {name} in this ledger", unknown.stderr)
            weir.stop_cleanly(self)
            self.assertEqual(json.loads(weir.run("ledger", "show", ids[0], "--json").stdout), shown)

    def test_attempts_that_failed_before_the_one_that_answered(self):
        routes = "  then: {plan: [fault-4, fault-7-k0, mock], fall_back_on: [server_error, cut]}\n"
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, routes=routes,
                                  remote_models=["fault-4", "fault-7-k0"]) as weir:
            key = weir.account()
            weir.start()
            request = weir.chat(key, "then", max_tokens=5).field("x-request-id")
            shown = json.loads(weir.run("ledger", "show", request, "--json").stdout)
            self.assertEqual([(a["endpoint"], a["outcome"]) for a in shown["attempts"]],
                             [("fault-4", "server_error"), ("fault-7-k0", "cut"), ("mock", "complete")])
            costs = [nano(attempt["operator_usd"]) for attempt in shown["attempts"]]
            self.assertEqual(costs[0], 0)  # refused: nothing was done
            self.assertGreater(costs[1], 0)  # cut: the prompt was read, perhaps
            self.assertEqual(costs[2], nano(shown["end"]["charged_usd"]))
            rows = {row["endpoint"]: row for row in weir.report("--by", "endpoint")}
            self.assertEqual({name: nano(row["operator_usd"]) for name, row in rows.items()},
                             dict(zip(("fault-4", "fault-7-k0", "mock"), costs)))
            self.assertEqual([row["requests"] for row in weir.report()], [1])
            total, = weir.report()
            self.assertEqual(nano(total["margin_usd"]), nano(total["usd"]) - sum(costs))
            text = weir.run("ledger", "show", request).stdout
            for word in ("fault-4", "server_error", "fault-7-k0", "cut", "cost the operator"):
                self.assertIn(word, text)
            weir.verify()


class Refunds(unittest.TestCase):
    def test_through_the_owner_and_without_one(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.start()
            request = weir.chat(key, "mock", max_tokens=5).field("x-request-id")
            shown = json.loads(weir.run("ledger", "show", request, "--json").stdout)
            charged = nano(shown["end"]["charged_usd"])
            refund = ["ledger", "refund", request, "--ref", "T-1", "--reason", "geprüft: leer", "--json"]
            given = json.loads(weir.run(*refund, "--usd", "0.000000001").stdout)
            self.assertEqual((given["refunded"], given["new"]), ("0.000000001", True))
            self.assertEqual(weir.balance()[2], charged - 1)
            # Said again, as after a lost reply, it is the same refund.
            again = json.loads(weir.run(*refund, "--usd", "0.000000001").stdout)
            self.assertEqual((again["refunded"], again["new"]), ("0.000000001", False))
            for arguments, why in (
                    (["--ref", "T-1", "--usd", "0.01"], "used before"),
                    (["--ref", "T-2", "--usd", "9.00"], "refunded already"),
                    (["--ref", "T-2", "--usd", "0"], "above 0"),
                    (["--ref", "two words"], "visible ASCII"),
                    ([b"--ref", b"\xff"], "UTF-8")):
                refused = weir.run("ledger", "refund", request, "--reason", "why", *arguments, check=False)
                self.assertEqual((refused.returncode, refused.stdout), (1, ""), refused)
                self.assertIn(why, refused.stderr)
            unknown = weir.run("ledger", "refund", "req_" + "0" * 32, "--ref", "T-2", "--reason", "why", check=False)
            self.assertIn("no such request", unknown.stderr)
            self.assertEqual(weir.run("ledger", "refund", request, check=False).returncode, 2)
            weir.stop_cleanly(self)
            self.assertIn("refunded", weir.run("ledger", "refund", request, "--ref", "T-2", "--reason", "all").stdout)
            self.assertEqual(weir.balance()[2], 0)
            shown = json.loads(weir.run("ledger", "show", request, "--json").stdout)
            self.assertEqual([(r["ref"], r["reason"]) for r in shown["refunds"]],
                             [("T-1", "geprüft: leer"), ("T-2", "all")])
            self.assertEqual(sum(nano(r["usd"]) for r in shown["refunds"]), charged)
            self.assertIn("T-1: geprüft: leer", weir.run("ledger", "show", request).stdout)
            rows = weir.report("--by", "account")
            self.assertEqual([(nano(r["usd"]), nano(r["refunded_usd"])) for r in rows], [(charged, charged)])
            self.assertIn("usd,refunded_usd", weir.run("report", "--csv").stdout)
            weir.verify()


class Reconcile(unittest.TestCase):
    HEAD = "time,model,requests,input_tokens,output_tokens,usd"

    def test_a_bill_that_is_true_and_one_that_is_not(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=["ok-n3"]) as weir:
            key = weir.account()
            weir.start()
            for model in ("mock", "mock", "ok-n3"):
                self.assertEqual(weir.chat(key, model, max_tokens=5).status, 200)
            lines = [self.HEAD]
            for row in weir.report("--by", "day,model"):
                tokens = [row["input_uncached"] + row["cache_read"] + row["cache_write"],
                          row["output_answer"] + row["output_reasoning"]]
                lines.append(f"{row['day']},{row['model']},{row['requests']},{tokens[0]},{tokens[1]},{row['operator_usd']}")
            self.assertEqual(len(lines), 3)
            agrees = self.reconcile(weir, lines)  # the server is running
            self.assertEqual(agrees.returncode, 0, agrees.stdout + agrees.stderr)
            self.assertEqual(agrees.stdout.splitlines()[-1], "agrees")
            cells = lines[2].split(",")
            cells[4] = str(int(cells[4]) + 1)
            lines[2] = ",".join(cells)
            differs = self.reconcile(weir, lines)
            self.assertEqual(differs.returncode, 1)
            self.assertIn("DIFFERS: line 3", differs.stdout)
            self.assertRegex(differs.stdout, r"output_tokens +bill (\d+), ledger \d+, difference 1\n")
            found = json.loads(self.reconcile(weir, lines, "--json").stdout)
            self.assertEqual([day["differs"] for day in found["days"]], [False, True])
            self.assertEqual(self.reconcile(weir, lines, "--tolerance-ppm", "500000").returncode, 0)
            self.assertEqual(self.reconcile(weir, lines, "--upstream", "nobody").returncode, 2)
            broken = self.reconcile(weir, [self.HEAD, "yesterday,mock,1,1,1,1"])
            self.assertEqual((broken.returncode, broken.stdout), (2, ""))
            self.assertIn("line 2, time", broken.stderr)
            self.assertIn("deepseek-amount", weir.run("ledger", "reconcile", "--profiles").stdout)

    def reconcile(self, weir, lines, *options):
        bill = Path(f"{weir.ledger}.bill.csv")
        bill.write_text("\n".join(lines) + "\n")
        return weir.run("ledger", "reconcile", str(bill), *options, check=False)


class Focus(unittest.TestCase):
    def test_charges_and_refunds_as_rows(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.start()
            request = weir.chat(key, "mock", max_tokens=5).field("x-request-id")
            weir.run("ledger", "refund", request, "--usd", "0.000000001", "--ref", "T-1", "--reason", "why")
            rows = list(csv.DictReader(io.StringIO(weir.run("report", "--focus", "--tz", "Asia/Kolkata").stdout)))
            total, = weir.report()
            self.assertEqual([row["ChargeCategory"] for row in rows], ["Usage", "Credit"])
            self.assertEqual([nano(row["BilledCost"]) for row in rows], [nano(total["usd"]), -1])
            for row in rows:
                self.assertEqual(row["SubAccountId"], "demo")
                begin, end = (datetime.fromisoformat(row[name]) for name in ("ChargePeriodStart", "ChargePeriodEnd"))
                self.assertEqual(end - begin, timedelta(days=1))
                self.assertEqual((begin.hour, begin.minute), (18, 30))
                self.assertLessEqual(datetime.fromisoformat(row["BillingPeriodStart"]), begin)
                self.assertGreaterEqual(datetime.fromisoformat(row["BillingPeriodEnd"]), end)
            self.assertEqual(int(rows[0]["ConsumedQuantity"]), sum(total[name] for name in (
                "input_uncached", "cache_read", "cache_write", "output_answer", "output_reasoning")))


class Backups(unittest.TestCase):
    def test_while_requests_run_and_restored(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.start()
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
            file = f"{weir.ledger}.copy"
            told = json.loads(weir.run("ledger", "backup", file, "--json").stdout)
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
            copy = json.loads(weir.run("ledger", "verify", "--ledger", file, "--json").stdout)
            self.assertEqual((copy["ok"], copy["entries"], copy["head"], copy["anchors"]),
                             (True, told["entries"], told["head"], told["anchors"]))
            again = weir.run("ledger", "backup", file, check=False)
            self.assertEqual((again.returncode, again.stdout), (1, ""))
            self.assertIn("is there already", again.stderr)
            weir.stop_cleanly(self)
            self.assertGreater(verification(weir)["entries"], told["entries"])
            for suffix in ("", ".pepper", ".anchors"):
                os.replace(file + suffix, f"{weir.ledger}{suffix}")
            weir.start()
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)  # the key is known
            weir.stop_cleanly(self)
            self.assertTrue(verification(weir)["ok"])
