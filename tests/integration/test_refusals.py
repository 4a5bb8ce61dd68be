"""Bad input: each is answered as the vendor would, and none of it ends the process or costs money."""
import gzip
import json
import unittest
import zlib

import wire
from mock import Mock
from weir import Weir, metric

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
GOOD = {"model": "deepseek-v4", "max_tokens": 2, "messages": HELLO}


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())
        cls.weir = cls.enterClassContext(Weir(upstream=cls.mock.base_url, limits="limits: {body_bytes_max: 64KiB}\n"))
        cls.key = cls.weir.account()
        cls.poor = cls.weir.account("poor", credit=None)
        cls.weir.start()

    @classmethod
    def tearDownClass(cls):
        _, reserved, spent = cls.weir.balance()
        assert reserved == 0, f"{reserved} still held"
        code = cls.weir.stop()
        assert code == 0, "\n".join(cls.weir.log_lines[-40:])
        super().tearDownClass()

    def test_compressed_bodies(self):
        body = json.dumps({**GOOD, "model": "mock"}).encode()

        def post(data, coding):
            fields = wire.json_fields(self.key) + [("content-encoding", coding)]
            return wire.request(self.weir.api, "POST", CHAT, fields, data)
        for coding, data in (("gzip", gzip.compress(body)), ("GZIP", gzip.compress(body)), ("deflate", zlib.compress(body)),
                             ("identity", body)):
            with self.subTest(coding=coding):
                self.assertEqual(post(data, coding).status, 200)
        # Small on the wire, and too large without it; at once, and on a worker.
        for n in (64 << 10, 32 << 20):
            self.refused(post(gzip.compress(b" " * n + body), "gzip"), 413, "request_too_large")
        for data in (body, gzip.compress(body)[:-1], gzip.compress(body) + b"x", b"\x1f\x8b"):
            self.refused(post(data, "gzip"), 400)
        for coding in ("br", "zstd", "gzip, deflate", "x"):
            answer = post(body, coding)
            self.refused(answer, 415, "unsupported_content_encoding")
            self.assertEqual(answer.field("accept-encoding"), "gzip, deflate")

    def refused(self, answer, status, code=None, param=None, kind="invalid_request_error"):
        """Holds an answer to OpenAI's envelope."""
        self.assertEqual(answer.status, status, answer)
        self.assertTrue(answer.complete)
        self.assertTrue(answer.field("content-type").startswith("application/json"))
        self.assertTrue(answer.field("x-request-id"))
        error = answer.error()
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertTrue(error["message"])
        self.assertEqual((error["type"], error["code"], error["param"]), (kind, code, param), answer)
        return error

    def post(self, body, key=None, fields=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return wire.request(self.weir.api, "POST", CHAT, [*wire.json_fields(key or self.key), *fields], body)

    def test_missing_key(self):
        answer = wire.request(self.weir.api, "POST", CHAT, wire.json_fields(), json.dumps(GOOD).encode())
        self.refused(answer, 401)
        self.assertTrue(answer.field("www-authenticate").startswith("Bearer"))

    def test_unknown_key(self):
        for key in ("sk-weir-" + "x" * 43, "nonsense", self.key[:-1], self.key + "x"):
            answer = self.post(GOOD, key)
            self.refused(answer, 401, "invalid_api_key")
            self.assertNotIn(key.encode(), answer.body)
            self.assertFalse(any(key in line for line in self.weir.log_lines))

    def test_key_is_judged_before_the_body(self):
        self.refused(self.post(b"{not json", "sk-weir-wrong"), 401, "invalid_api_key")

    def test_a_disabled_key_is_unknown(self):
        key = self.weir.account("leaver")
        self.assertEqual(self.post(GOOD, key).status, 200)
        listed = json.loads(self.weir.run("key", "list", "--json").stdout)
        self.weir.run("key", "disable", str(next(k["id"] for k in listed if k["account"] == "leaver")))
        self.refused(self.post(GOOD, key), 401, "invalid_api_key")

    def test_no_funds(self):
        for model in ("deepseek-v4", "mock"):
            for stream in (False, True):
                answer = self.post({**GOOD, "model": model, "stream": stream}, self.poor)
                self.refused(answer, 429, "insufficient_quota", kind="insufficient_quota")
                self.assertEqual(answer.field("x-should-retry"), "false")
                self.assertIsNone(answer.field("retry-after"))

    def test_unknown_model(self):
        error = self.refused(self.post({**GOOD, "model": "gpt-17"}), 404, "model_not_found")
        self.assertIn("gpt-17", error["message"])

    def test_missing_model(self):
        for model in ({}, {"model": ""}, {"model": None}):
            self.refused(self.post({"messages": HELLO, **model}), 400)

    def test_missing_messages(self):
        self.refused(self.post({"model": "deepseek-v4"}), 400, "missing_required_parameter", "messages")
        self.refused(self.post({**GOOD, "messages": []}), 400, "empty_array", "messages")

    def test_body_too_large_by_length(self):
        with wire.Connection(self.weir.api) as connection:
            connection.send(wire.request_bytes("POST", CHAT, [*wire.json_fields(self.key), ("content-length", "70000")]))
            self.refused(connection.answer(), 413, "request_too_large")  # before any of it was sent

    def test_body_too_large_by_chunks(self):
        with wire.Connection(self.weir.api) as connection:
            fields = [*wire.json_fields(self.key), ("transfer-encoding", "chunked")]
            connection.send(wire.request_bytes("POST", CHAT, fields))
            for _ in range(8):
                connection.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
            self.refused(connection.answer(), 413, "request_too_large")

    def test_not_json(self):
        for body in (b"{", b"[1,2]", b'"text"', b"", b'{"model": tru}', b'{"model":"x"} trailing', b"{'model':1}",
                     b'{"model":"deepseek-v4","messages":[{"role":"user","content":"\xff\xfe"}]}',
                     b'{"model":"deepseek-v4","messages":[{"role":"user","content":"\\ud800"}]}'):
            with self.subTest(body):
                answer = self.post(body)
                self.assertEqual(answer.status, 400, answer)
                self.assertEqual(answer.error()["type"], "invalid_request_error")

    def test_syntax_errors_say_where(self):
        error = self.refused(self.post(b'{"model": "deepseek-v4",\n "messages": [}'), 400)
        self.assertRegex(error["message"], r"\d")

    def test_duplicate_members(self):
        for body in (b'{"model":"deepseek-v4","model":"mock","messages":[]}',
                     b'{"model":"deepseek-v4","messages":[{"role":"user","role":"system","content":"x"}]}',
                     b'{"model":"deepseek-v4","mod\\u0065l":"mock","messages":[]}'):
            with self.subTest(body):
                answer = self.post(body)
                self.assertEqual(answer.status, 400, answer)
                self.assertIn("uplicate", answer.error()["message"])

    def test_too_deep(self):
        body = b'{"model":"deepseek-v4","messages":' + b"[" * 5000 + b"]" * 5000 + b"}"
        self.assertEqual(self.post(body).status, 400)
        body = b'{"metadata":' + b'{"a":' * 100 + b"1" + b"}" * 101
        self.assertEqual(self.post(body).status, 400)

    def test_media_type(self):
        for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = wire.request(self.weir.api, "POST", CHAT,
                                  [("content-type", media), ("authorization", f"Bearer {self.key}")],
                                  json.dumps(GOOD).encode())
            self.refused(answer, 400, "unsupported_content_type")

    def test_wrong_method(self):
        for method, target, allowed in (("GET", CHAT, "POST"), ("DELETE", CHAT, "POST"), ("PUT", CHAT, "POST"),
                                        ("HEAD", CHAT, "POST"), ("POST", "/v1/models", "GET"),
                                        ("PUT", "/v1/models/deepseek-v4", "GET"), ("POST", "/healthz", "GET")):
            with self.subTest(f"{method} {target}"):
                body = b"" if method in ("POST", "PUT") else None
                answer = wire.request(self.weir.api, method, target, wire.json_fields(self.key), body)
                self.assertEqual(answer.status, 405, answer)
                self.assertIn(allowed, answer.field("allow"))

    def test_unknown_route(self):
        for target in ("/v1/foo", "/v1/chat/completions/x", "/v2/models", "/v1/modelsx"):
            with self.subTest(target):  # said before the key is judged
                answer = wire.request(self.weir.api, "GET", target, wire.json_fields("sk-wrong"))
                self.refused(answer, 404)
        for target in ("/v1/../v1/models", "/v1//models", "/v1/models/%2e%2e", "/v1/models/%2fetc"):
            with self.subTest(target):  # no way around a route
                answer = wire.request(self.weir.api, "GET", target, wire.json_fields(self.key))
                self.refused(answer, 404)

    def test_head_and_options(self):
        with wire.Connection(self.weir.api) as connection:
            connection.send(wire.request_bytes("HEAD", "/v1/models", wire.json_fields(self.key)))
            answer = connection.answer(body=False)
            self.assertEqual(answer.status, 200)
            connection.send(wire.request_bytes("GET", "/healthz"))  # nothing of a body stands before it
            self.assertEqual(connection.answer().status, 200)
        answer = wire.request(self.weir.api, "OPTIONS", CHAT)
        self.assertEqual(answer.status, 204)
        self.assertIn("POST", answer.field("allow"))

    def test_field_faults(self):
        for members, param in (({"temperature": 2.5}, "temperature"), ({"temperature": "hot"}, "temperature"),
                               ({"n": 0}, "n"), ({"max_tokens": 0}, "max_tokens"), ({"top_p": -1}, "top_p"),
                               ({"stream": "yes"}, "stream"), ({"messages": "hi"}, "messages"),
                               ({"messages": [{"role": "bogus", "content": "x"}]}, "messages[0].role"),
                               ({"reasoning_effort": "enormous"}, "reasoning_effort"), ({"zzz": 1}, "zzz")):
            with self.subTest(str(members)):
                answer = self.post({**GOOD, **members})
                self.assertEqual(answer.status, 400, answer)
                self.assertEqual(answer.error()["param"], param)

    def test_a_thinking_budget_leaves_an_answer(self):
        for members in ({"thinking": {"type": "enabled", "budget_tokens": 100}}, {"reasoning": {"max_tokens": 100}}):
            with self.subTest(str(members)):
                self.refused(self.post({**GOOD, "max_tokens": 100, **members}), 400, "invalid_value", "thinking_budget")

    def test_context_exceeded(self):
        answer = self.post({**GOOD, "messages": [{"role": "user", "content": "word " * 8000}]})
        self.refused(answer, 400, "context_length_exceeded", "messages")

    def test_refusals_are_counted_and_cost_nothing(self):
        before = self.weir.balance()
        for body in ({**GOOD, "model": "gpt-17"}, {**GOOD, "n": 0}):
            self.assertGreaterEqual(self.post(body).status, 400)
        self.assertEqual(self.weir.balance(), before)
        samples = self.weir.scrape()
        self.assertGreater(metric(samples, "weir_requests_total", outcome="caller_error"), 0)
        self.assertEqual(metric(samples, "weir_reservations"), 0)

    def test_an_unknown_model_is_no_label(self):
        self.post({**GOOD, "model": "made-up-by-a-client"})
        self.assertFalse(any("made-up-by-a-client" in sample for sample in self.weir.scrape()))
