"""Idempotency-Key: a request is answered once and charged once, however often it is sent."""
import json
import sqlite3
import threading
import unittest

import wire
from mock import Mock
from weir import PATIENCE, PICO, Weir, cost

SLOW = "ok-n20-ms20"
ENDLESS = "ok-n100000-ms100"


class Idempotency(unittest.TestCase):
    def serve(self, **terms):
        self.mock = self.enterContext(Mock())
        self.weir = self.enterContext(Weir(upstream=self.mock.base_url, local=False,
                                           remote_models=["ok-n7", SLOW, ENDLESS, "fault-1", "fault-4"], **terms))
        self.key = self.weir.account()
        self.weir.start()

    def ask(self, once, model="ok-n7", key=None, **members):
        return self.weir.chat(key or self.key, model, fields=[("idempotency-key", once)], **{"max_tokens": 100, **members})

    def spent(self):
        _, reserved, spent = self.weir.balance()
        return reserved, spent

    def n_calls(self):
        return len(self.mock.log())

    def refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.error()["code"], answer.error()["param"]), (status, code, "Idempotency-Key"), answer)
        return answer

    def test_the_same_again_is_the_same_answer(self):
        self.serve()
        for stream in (False, True):
            with self.subTest(stream=stream):
                members = {"stream": stream} | ({"stream_options": {"include_usage": True}} if stream else {})
                first = self.ask(f"a {stream}", **members)
                self.assertEqual((first.status, first.field("idempotent-replayed")), (200, None), first)
                calls, spent = self.n_calls(), self.spent()
                for _ in range(3):
                    again = self.ask(f"a {stream}", **members)
                    self.assertEqual((again.status, again.field("idempotent-replayed")), (200, "true"), again)
                    self.assertEqual(again.field("content-type"), first.field("content-type"))
                    self.assertEqual(again.field("x-request-id"), first.field("x-request-id"))
                    self.assertEqual(again.events() if stream else again.body, first.events() if stream else first.body)
                self.assertEqual((self.n_calls(), self.spent()), (calls, spent))
        one = cost({"input_uncached": 4, "output_answer": 7}, PICO["remote"])
        self.assertEqual(self.spent(), (0, 2 * one))
        # After a restart too.
        self.weir.stop_cleanly(self)
        self.weir.start()
        again = self.ask("a True", stream=True, stream_options={"include_usage": True})
        self.assertEqual((again.field("idempotent-replayed"), again.done()), ("true", True))
        self.assertEqual(self.n_calls(), 2)
        self.weir.stop_cleanly(self)
        self.weir.verify()

    def test_another_body_account_or_key(self):
        self.serve()
        self.assertEqual(self.ask("k").status, 200)
        self.refused(self.ask("k", temperature=1), 422, "idempotency_key_reused")
        self.assertEqual(self.n_calls(), 1)
        other = self.weir.account("other")
        self.assertIsNone(self.ask("k", key=other, temperature=1).field("idempotent-replayed"))
        self.assertIsNone(self.ask("K").field("idempotent-replayed"))
        self.assertEqual(self.n_calls(), 3)

    def test_a_key_is_a_short_text(self):
        self.serve()
        for bad in ("x" * 256, "schl\u00fcssel", "a\tb"):
            with self.subTest(bad=bad):
                self.refused(self.ask(bad.encode().decode("latin-1")), 400, "invalid_idempotency_key")
        self.assertEqual(self.ask("x" * 255).status, 200)
        self.assertEqual(self.n_calls(), 1)

    def test_a_hundred_at_once(self):
        self.serve()
        answers = []

        def client():
            while True:
                answer = self.ask("one", SLOW, stream=True)
                if answer.status != 409:
                    answers.append(answer)
                    return
                self.assertEqual(answer.field("x-should-retry"), "true")
                self.refused(answer, 409, "idempotency_key_in_use")

        clients = [threading.Thread(target=client) for _ in range(100)]
        for thread in clients:
            thread.start()
        self.weir.wait_until(self.n_calls, "the upstream's call")

        def another_body():
            answer = self.ask("one", SLOW, stream=True, temperature=1)
            return answer if answer.status != 409 else None  # while somebody looks what is kept
        another = self.weir.wait_until(another_body, "an answer about the other body")
        for thread in clients:
            thread.join(PATIENCE)
        self.refused(another, 422, "idempotency_key_reused")
        self.assertEqual(len(answers), 100)
        self.assertEqual({(answer.status, tuple(answer.events())) for answer in answers}, {(200, tuple(answers[0].events()))})
        self.assertEqual([answer.field("idempotent-replayed") for answer in answers].count(None), 1)
        self.assertEqual(self.n_calls(), 1)
        self.assertEqual(self.spent(), (0, cost({"input_uncached": 4, "output_answer": 20}, PICO["remote"])))

    def test_a_client_that_hangs_up_gets_its_answer_later(self):
        self.serve()
        body = {"model": SLOW, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 100}
        for once, wait in (("in the stream", True), ("before it", False)):
            with self.subTest(once=once):
                n_before = self.n_calls()
                with wire.Connection(self.weir.api) as connection:
                    connection.send(wire.request_bytes(
                        "POST", "/v1/chat/completions", wire.json_fields(self.key) + [("idempotency-key", once)],
                        json.dumps(body).encode()))
                    if wait:
                        connection.head()
                    else:
                        self.weir.wait_until(lambda: self.n_calls() > n_before, "the upstream's call")

                def answered():
                    answer = self.weir.chat(self.key, fields=[("idempotency-key", once)], **body)
                    return answer if answer.status != 409 else None
                answer = self.weir.wait_until(answered, "the answer")
                self.assertEqual((answer.status, answer.field("idempotent-replayed"), answer.done()), (200, "true", True), answer)
                self.assertEqual(len([c for c in answer.chunks() if c["choices"][0]["delta"].get("content")]), 20)
                self.assertEqual(self.n_calls(), n_before + 1)
        self.assertEqual([call["ended"] for call in self.mock.log()], ["complete"] * 2)
        self.assertEqual(self.spent(), (0, 2 * cost({"input_uncached": 4, "output_answer": 20}, PICO["remote"])))

    def test_what_fails_frees_its_key(self):
        self.serve()
        for n, (model, stream) in enumerate((m, s) for m in ("fault-1", "fault-4") for s in (False, True)):
            with self.subTest(model=model, stream=stream):
                n_before = self.n_calls()
                for _ in range(3):
                    answer = self.ask(f"k{n}", model, stream=stream)
                    self.assertIsNone(answer.field("idempotent-replayed"), answer)
                    self.assertNotIn(answer.status, (409, 422), answer)
                self.assertEqual(self.n_calls(), n_before + 3)
        # Refused before anything was held: the key was never taken.
        self.assertEqual(self.ask("early", "no-such-model").status, 404)
        self.assertEqual(self.ask("early").status, 200)
        self.assertEqual(self.spent()[0], 0)

    def test_kept_answers_have_a_bound(self):
        self.serve(limits="limits: {idempotency_bytes_max: 256KiB}\n")
        self.assertEqual(self.ask("a").status, 200)
        full = self.refused(self.ask("b"), 429, "idempotency_answers_full")
        self.assertEqual(full.field("x-should-retry"), "false")
        self.assertEqual(self.ask("a").field("idempotent-replayed"), "true")
        self.assertEqual(self.weir.chat(self.key, "ok-n7").status, 200)
        self.assertEqual(self.ask("b", key=self.weir.account("other")).status, 200)

    def test_without_any_room_the_header_is_ignored(self):
        self.serve(limits="limits: {idempotency_bytes_max: 0B}\n")
        for _ in range(2):
            self.assertEqual((self.ask("a").status, self.ask("a", temperature=1).status), (200, 200))
        self.assertEqual(self.n_calls(), 4)

    def test_at_the_end_of_the_server_a_key_is_freed(self):
        self.serve(listen=", drain_time: 100ms")
        body = {"model": ENDLESS, "messages": [{"role": "user", "content": "Hello"}], "stream": True}
        with wire.Connection(self.weir.api) as connection:
            connection.send(wire.request_bytes("POST", "/v1/chat/completions",
                                               wire.json_fields(self.key) + [("idempotency-key", "k")], json.dumps(body).encode()))
            connection.head()
        self.weir.stop_cleanly(self)
        self.assertEqual(self.spent(), (0, 0))
        with sqlite3.connect(f"file:{self.weir.ledger}?mode=ro", uri=True) as database:
            self.assertEqual(database.execute("SELECT count(*) FROM answers").fetchone(), (0,))

    def test_killed_at_each_point_of_a_requests_life(self):
        self.serve()
        whole = cost({"input_uncached": 4, "output_answer": 7}, PICO["remote"])
        for point in range(1, 12):
            for stream in (False, True):
                with self.subTest(point=point, stream=stream):
                    if point == 6 and not stream:
                        continue  # only streams pass it
                    model = SLOW if point == 6 else "ok-n7"  # and only while they flow
                    once, name = f"k{point} {stream}", f"account{point}{stream}"
                    key = self.weir.account(name)
                    self.weir.stop_cleanly(self)
                    self.weir.start(environment={"WEIR_FAILPOINT": f"k{point}"})
                    try:
                        answer = self.ask(once, model, key=key, stream=stream)
                    except (OSError, AssertionError):
                        answer = None  # the server is gone
                    self.weir.wait_exit()
                    self.assertEqual(answer is not None and answer.complete, point == 11, answer)
                    self.weir.start()
                    again = self.ask(once, model, key=key, stream=stream)
                    _, reserved, spent = self.weir.balance(name)
                    self.assertEqual(reserved, 0)
                    if again.status == 200:
                        self.assertEqual((spent, point == 6), (whole, False))
                    else:
                        self.refused(again, 500, "idempotency_answer_lost")
                        self.assertEqual(again.field("x-should-retry"), "false")
                        self.assertLessEqual(spent, whole)
                    if point >= 10:
                        self.assertEqual(again.field("idempotent-replayed"), "true")
                    same = self.ask(once, model, key=key, stream=stream)
                    self.assertEqual((same.status, same.field("idempotent-replayed")),
                                     (again.status, "true" if again.status == 200 else None))
                    self.assertEqual(self.weir.balance(name)[2], spent)


if __name__ == "__main__":
    unittest.main()
