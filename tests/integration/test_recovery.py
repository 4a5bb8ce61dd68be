"""Killed at the points of a request's life, and what the next start makes of it. K3 dispatched, K5 the first byte is
out, K6 a checkpoint is written, K10 the client has all. (Before a sync: kill9.py --at-syncs.)"""
import json
import sqlite3
import threading
import unittest

import wire
from mock import Mock
from weir import PATIENCE, PICO, Weir, cost, nano

# Four bytes a token: our own count of such text is exact.
SILENT = f"ok-b4-first{int(1000 * PATIENCE)}"
FAST, SLOW = "ok-b4-n90000", "ok-b4-n90000-ms25"
MODELS = [SILENT, FAST, SLOW]


def checkpoints(weir):
    with sqlite3.connect(f"file:{weir.ledger}?mode=ro", uri=True) as database:
        return database.execute("SELECT request FROM checkpoints").fetchall()


class Kills(unittest.TestCase):
    def setUp(self):
        self.mock = self.enterContext(Mock())
        patient = f"{int(4 * PATIENCE)}s"
        self.weir = self.enterContext(Weir(upstream=self.mock.base_url, local=False, remote_models=MODELS,
                                           timeouts=f"{{ttft: {patient}, idle: {patient}, total: {patient}}}"))
        self.key = self.weir.account(credit="100.00")
        self.weir.start()

    def open_stream(self, model, n_events):
        """A stream whose client has read so many events and reads no more."""
        connection = self.enterContext(wire.Connection(self.weir.api, PATIENCE))
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 90_000}
        connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(self.key),
                                           json.dumps(body).encode()))
        answer = connection.answer(body=False)
        self.assertEqual(answer.status, 200)
        events = connection.stream(answer)
        for _ in range(n_events):
            next(events)
        return answer.field("x-request-id")

    def start_again(self, request):
        """The request as the ledger has it after a kill and a start, and the upstream's log of it."""
        self.weir.kill()
        self.weir.start()
        self.weir.verify()
        _, reserved, spent = self.weir.balance()
        self.assertEqual(reserved, 0)
        self.assertEqual(checkpoints(self.weir), [])
        call, = [call for call in self.mock.log() if call["headers"]["x-request-id"] == request]
        shown = json.loads(self.weir.run("ledger", "show", request, "--json").stdout)
        self.assertEqual(spent, nano(shown["end"]["charged_usd"]))
        return shown, call

    def check_released(self, request):
        shown, _ = self.start_again(request)
        self.assertEqual((shown["end"]["kind"], shown["end"]["flags"]), ("released", "recovered"))
        self.assertEqual(shown["attempts"], [])
        return shown

    def check_settled(self, request, n_least):
        shown, call = self.start_again(request)
        end = shown["end"]
        self.assertEqual((end["kind"], end["flags"]), ("settled", "estimated, recovered"))
        tokens = {name: part["tokens"] for name, part in end["tokens"].items()}
        self.assertTrue(n_least <= tokens["output_answer"] <= call["output_tokens"], (tokens, call["output_tokens"]))
        self.assertEqual(nano(end["charged_usd"]), cost(tokens, PICO["remote"]))
        attempt, = shown["attempts"]
        self.assertEqual((attempt["outcome"], attempt["operator_usd"]), ("lost", end["charged_usd"]))
        self.assertEqual(attempt["tokens"], tokens)

    def test_dispatched_and_silent(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                n_before = len(self.mock.log())

                def ask():
                    with self.assertRaises((AssertionError, OSError)):
                        self.weir.chat(self.key, SILENT, stream=stream)

                client = threading.Thread(target=ask)
                client.start()
                call = self.weir.wait_until(lambda: self.mock.log()[n_before:], "the upstream to be asked")[0]
                request = call["headers"]["x-request-id"]
                # What it asked for is on disk soon: an entry of a request leads there.
                self.weir.wait_until(lambda: not self.weir.run("ledger", "show", request, check=False).returncode,
                                     "the RESERVE")
                self.check_released(request)
                client.join(PATIENCE)

    def test_first_byte_out(self):
        self.check_released(self.open_stream(SLOW, 1))

    def test_a_thousand_tokens_on(self):
        request = self.open_stream(FAST, 1_500)
        self.weir.wait_until(lambda: checkpoints(self.weir), "a checkpoint")
        self.check_settled(request, 1_000)

    def test_some_seconds_on(self):
        request = self.open_stream(SLOW, 2)
        self.weir.wait_until(lambda: checkpoints(self.weir), "a checkpoint")
        self.check_settled(request, 1)

    def test_the_client_has_all(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                answer = self.weir.chat(self.key, "mock", stream=stream, max_tokens=7)
                self.assertTrue(answer.complete)
                request = answer.field("x-request-id")
                self.weir.kill()
                self.weir.start()
                self.weir.verify()
                shown = json.loads(self.weir.run("ledger", "show", request, "--json").stdout)
                self.assertEqual((shown["end"]["kind"], shown["end"]["flags"]), ("settled", ""))
                self.assertEqual(sum(part["tokens"] for name, part in shown["end"]["tokens"].items()
                                     if name.startswith("output")), 7)
                self.assertEqual(shown["attempts"][0]["outcome"], "complete")
                self.assertEqual(self.weir.balance()[1], 0)

    def test_an_ended_stream_leaves_no_checkpoint(self):
        answer = self.weir.chat(self.key, FAST, stream=True, max_tokens=2_500)
        self.assertTrue(answer.done())
        self.assertEqual(checkpoints(self.weir), [])
        shown = json.loads(self.weir.run("ledger", "show", answer.field("x-request-id"), "--json").stdout)
        self.assertEqual(shown["end"]["tokens"]["output_answer"]["tokens"], 2_500)
