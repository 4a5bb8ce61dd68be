"""Rows H: HTTP, limits, credentials. H38, the official SDKs, is sdk.py."""
import gzip
import json
import os
import re
import signal
import threading

import wire
from conformance import CHAT, HI, Conformance
from scripted import STREAM, Asked, answer, chunk, completion, event, hello, piece, stream
from weir import PATIENCE

B = json.dumps({"model": "chat", "messages": HI}).encode()
STREAMED = json.dumps({"model": "chat", "messages": HI, "stream": True}).encode()
DURATION = re.compile(r"^((\d+h)?(\d+m)?\d+(\.\d+)?s|\d+ms)$")
PAGE = "https://app.example.com"
# How long an idle connection is left alone; `tests/run --all` takes what the row says, longer than any client's 30 s.
IDLE = float(os.environ.get("WEIR_IDLE", "0.3"))


class Http(Conformance):
    SETTINGS = {"local": False, "listen": f', cors_origins: ["{PAGE}"]',
                "limits": "limits: {body_bytes_max: 64KiB, rate_limits: {key: {requests_per_minute: 5000}}}\n",
                "routes": "  once: {plan: [chat], rate_limits: {key: {requests_per_minute: 1}}}\n"
                          "  spare: {plan: [broken, chat]}\n",
                "endpoints": "  broken: {upstream: up, model: broken, n_ctx: 1000000, output_tokens_max: 100, price: remote}\n"}

    def connect(self):
        return self.enterContext(wire.Connection(self.weir.api, PATIENCE))

    def get(self, target, *fields, method="GET"):
        return wire.request(self.weir.api, method, target, fields)

    def bearer(self):
        return ("authorization", f"Bearer {self.key}")

    def head(self, *lines, version="HTTP/1.1", method="POST"):
        """The head of a request with the good key, as it goes over the wire."""
        return "\r\n".join([f"{method} {CHAT} {version}", "Host: localhost", "Content-Type: application/json",
                            f"Authorization: Bearer {self.key}", *lines, "", ""]).encode()

    def test_h01_a_request_id_on_everything(self):
        failing = [answer({"error": {"message": "x"}}, 500)]
        replies = [self.ask(), self.ask(), self.ask({"stream": True}), self.ask({"n": 0}), self.ask({"model": "nope"}),
                   self.ask(key="sk-wrong"), self.ask(steps=failing), self.get("/v1/models", self.bearer()), self.get("/nowhere")]
        self.assertEqual([reply.status for reply in replies], [200, 200, 200, 400, 404, 401, 502, 200, 404])
        ids = [reply.field("x-request-id") for reply in replies]
        self.assertTrue(all(re.fullmatch(r"req_\w{16,}", id) for id in ids), ids)
        self.assertEqual(len(set(ids)), len(ids))

    def test_h02_no_key(self):
        reply = wire.request(self.weir.api, "POST", CHAT, wire.json_fields(), B)
        self.refused(reply, 401, None, None, "You didn't provide an API key")
        self.assertTrue(reply.field("www-authenticate").startswith("Bearer"))

    def test_h03_a_wrong_key_is_told_to_nobody(self):
        wrong = "sk-weir-" + "w" * 43
        self.refused(self.ask(key=wrong), 401, "invalid_api_key", None)
        self.assertNotIn(wrong.encode(), self.ask(key=wrong).body)
        self.assertFalse(any(wrong in line for line in self.weir.log_lines))

    def test_h04_the_key_before_the_body(self):
        self.refused(self.post(b"{broken", "sk-wrong"), 401, "invalid_api_key", None)

    def test_h05_spellings_of_a_key(self):
        for field in (("authorization", f"bearer  {self.key}"), ("x-api-key", self.key), ("api-key", self.key)):
            reply = wire.request(self.weir.api, "POST", CHAT, [("content-type", "application/json"), field], B)
            self.assertEqual(reply.status, 200, field[0])

    def test_h06_two_keys(self):
        reply = wire.request(self.weir.api, "POST", CHAT, [*wire.json_fields(self.key), self.bearer()], B)
        self.assertEqual(reply.status, 400)
        self.assertEqual(reply.error()["type"], "invalid_request_error")

    def test_h07_more_than_one_request_a_minute(self):
        key = self.weir.run("key", "create", "--account", "demo").stdout.strip()
        self.assertEqual(self.ask({"model": "once"}, key=key).status, 200)
        reply = self.ask({"model": "once"}, key=key)
        self.refused(reply, 429, "rate_limit_exceeded", None, "try again in", kind="requests")
        self.assertRegex(reply.field("retry-after"), r"^[1-9]\d*$")

    def test_h08_no_money(self):
        reply = self.ask(key=self.poor)
        self.refused(reply, 429, "insufficient_quota", None, kind="insufficient_quota")
        self.assertEqual(reply.field("x-should-retry"), "false")
        self.assertIsNone(reply.field("retry-after"))

    def test_h11_headers_of_the_upstream_stay_there(self):
        theirs = [("x-ratelimit-limit-requests", "7"), ("x-ratelimit-remaining-tokens", "3"), ("set-cookie", "a=b"),
                  ("server", "upstream"), ("openai-organization", "org-us")]
        reply = self.ask(steps=[answer(completion(), fields=theirs)])
        self.assertEqual(reply.status, 200)
        for name, value in theirs:
            self.assertNotEqual(reply.field(name), value)
        self.assertIsNone(reply.field("set-cookie"))
        self.assertIsNone(reply.field("openai-organization"))

    def fails(self, status, error, fields=(), media="application/json", **members):
        """What a client is told when the upstream answers that."""
        reply = self.ask(members, [answer(error, status, media, fields)])
        self.assertEqual(set(reply.error()), {"message", "type", "param", "code"})
        self.assertIn(type(reply.error()["code"]), (str, type(None)))
        return reply

    def test_h12_our_key_is_refused(self):
        for status in (401, 403):
            reply = self.fails(status, {"error": {"message": "Incorrect API key sk-ours", "code": "invalid_api_key"}})
            self.assertEqual(reply.status, 503)
            self.assertNotIn(b"sk-ours", reply.body)

    def test_h13_the_clients_own_fault(self):
        text = "This model's maximum context length is 10 tokens. However, your messages resulted in 12 tokens."
        reply = self.fails(400, {"error": {"message": text, "type": "invalid_request_error", "param": "messages",
                                           "code": "context_length_exceeded"}})
        self.refused(reply, 400, "context_length_exceeded", "messages", text)

    def test_h14_an_integer_as_code(self):
        reply = self.fails(400, {"error": {"code": 400, "message": "bad stop", "type": "BadRequestError", "param": None}})
        self.assertEqual(reply.status, 400)

    def test_h15_an_error_with_200(self):
        self.assertGreaterEqual(self.fails(200, {"error": {"message": "no", "code": 503}}).status, 400)

    def test_h16_a_page_of_html(self):
        reply = self.fails(502, b"<html><h1>502 Bad Gateway</h1></html>", media="text/html")
        self.assertEqual(reply.status, 502)
        self.assertNotIn("<", reply.error()["message"])

    def test_h17_the_upstream_asks_for_a_pause(self):
        reply = self.fails(429, {"error": {"message": "slow", "type": "requests"}}, [("retry-after", "7")])
        self.assertEqual(reply.status, 429)
        self.assertGreaterEqual(int(reply.field("retry-after")), 7)

    def test_h18_the_second_endpoint(self):
        def by_model(asked):
            broken = asked.body["model"] == "broken"
            return [answer({"error": {"message": "x"}}, 500)] if broken else [answer(completion())]
        reply = self.ask({"model": "spare"}, by_model)
        self.assertEqual((reply.status, reply.field("x-weir-endpoint")), (200, "chat"))
        self.assertEqual([asked.body["model"] for asked in self.upstream.asked], ["broken", "chat"])

    def test_h19_a_length_over_the_limit(self):
        connection = self.connect()
        connection.send(self.head("Content-Length: 70000"))  # and nothing of the body
        self.refused(connection.answer(), 413, "request_too_large", None)

    def test_h20_chunks_over_the_limit(self):
        connection = self.connect()
        connection.send(self.head("Transfer-Encoding: chunked"))
        for _ in range(5):
            connection.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        self.refused(connection.answer(), 413, "request_too_large", None)

    def test_h21_expect(self):
        connection = self.connect()
        connection.send(self.head(f"Content-Length: {len(B)}", "Expect: 100-continue"))
        self.assertEqual(connection.head().status, 100)
        connection.send(B)
        self.assertEqual(connection.answer().status, 200)
        wrong = self.connect()
        wrong.send(self.head(f"Content-Length: {len(B)}", "Expect: 100-continue").replace(self.key.encode(), b"sk-wrong"))
        self.assertEqual(wrong.head().status, 401)

    def test_h22_chunks_with_extensions_and_a_trailer(self):
        connection = self.connect()
        connection.send(self.head("Transfer-Encoding: chunked") + b"5;a=b\r\n" + B[:5] + b"\r\n%x;c\r\n" % len(B[5:]) + B[5:]
                        + b"\r\n0\r\nX-Trailer: 1\r\n\r\n")
        self.assertEqual(connection.answer().status, 200)
        self.assertEqual(self.upstream.asked[-1].body["messages"], HI)

    def test_h23_two_framings(self):
        connection = self.connect()
        connection.send(self.head(f"Content-Length: {len(B)}", "Transfer-Encoding: chunked") + B)
        self.assertEqual(connection.answer().status, 400)
        self.assertTrue(connection.closes())

    def test_h24_pipelined(self):
        connection = self.connect()
        self.upstream.steps = lambda asked: [answer(completion({"content": asked.body["user"]}))]
        for name in ("first", "second"):
            body = json.dumps({"model": "chat", "messages": HI, "user": name}).encode()
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key), body))
        said = [connection.answer().json()["choices"][0]["message"]["content"] for _ in range(2)]
        self.assertEqual(said, ["first", "second"])

    def test_h25_100_on_one_connection(self):
        connection = self.connect()
        for _ in range(100):
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key), B))
            self.assertEqual(connection.answer().status, 200)

    def test_h26_http_1_0(self):
        connection = self.connect()
        connection.send(self.head(f"Content-Length: {len(STREAMED)}", version="HTTP/1.0") + STREAMED)
        reply = connection.answer()
        self.assertIsNone(reply.field("transfer-encoding"))
        self.assertTrue(reply.done())
        self.assertTrue(connection.ended)

    def test_h27_head(self):
        connection = self.connect()
        for target in ("/v1/models", "/"):
            connection.send(wire.request_bytes("HEAD", target, [self.bearer()]))
            self.assertEqual(connection.answer(body=False).status, 200)
        connection.send(wire.request_bytes("GET", "/healthz"))  # nothing of a body stands before its answer
        self.assertEqual(connection.answer().status, 200)

    def test_h28_preflight(self):
        reply = self.get(CHAT, ("origin", PAGE), ("access-control-request-method", "POST"),
                         ("access-control-request-headers", "authorization,content-type"), method="OPTIONS")
        self.assertEqual((reply.status, reply.field("access-control-allow-origin")), (204, PAGE))
        listed = reply.field("access-control-allow-headers").split(", ")
        self.assertLessEqual({"authorization", "content-type"}, set(listed))

    def test_h29_origin(self):
        for reply in (self.ask(key="sk-wrong", fields=[("origin", PAGE)]), self.ask({"stream": True}, fields=[("origin", PAGE)])):
            self.assertEqual(reply.field("access-control-allow-origin"), PAGE)
            self.assertIn("x-request-id", reply.field("access-control-expose-headers"))

    def test_h30_a_head_of_70_kib(self):
        connection = self.connect()
        connection.send(self.head("X-Large: " + "a" * (70 << 10)))
        reply = connection.answer()
        self.assertEqual(reply.status, 431)
        self.assertTrue(reply.error()["message"])
        self.assertTrue(connection.closes())

    def test_h32_an_idle_connection(self):
        connection = self.connect()
        for _ in range(2):
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key), B))
            self.assertEqual(connection.answer().status, 200)
            connection.socket.settimeout(IDLE)
            self.assertFalse(connection.closes())
            connection.socket.settimeout(PATIENCE)
        # By default longer than any client keeps a connection.
        schema = json.loads(self.weir.run("check", "--schema").stdout)
        self.assertIn('"75s"', json.dumps(schema))

    def test_h34_the_path_before_the_key(self):
        self.refused(self.get("/v1/foo", ("authorization", "Bearer sk-wrong")), 404, None, None)

    def test_h35_paths(self):
        statuses = [self.get(path, self.bearer()).status for path in ("/v1/../v1/models", "/v1//models", "/v1/models/")]
        self.assertEqual(statuses, [404, 404, 200])

    def test_h36_accept_encoding(self):
        reply = self.ask(steps=[answer(completion({"content": "word " * 1000}))], fields=[("accept-encoding", "gzip")])
        body = reply.body
        if reply.field("content-encoding") == "gzip":
            self.assertIn("accept-encoding", reply.field("vary").lower())
            body = gzip.decompress(body)
        else:
            self.assertIsNone(reply.field("content-encoding"))
        self.assertEqual(json.loads(body)["choices"][0]["message"]["content"], "word " * 1000)


class Limits(Conformance):
    SETTINGS = {"local": False,
                "limits": "limits: {rate_limits: {key: {requests_per_minute: 500, tokens_per_minute: 200000}}}\n"}

    def test_h09_six_fields(self):
        for reply in (self.ask(), self.ask({"stream": True}), self.ask({"max_completion_tokens": 10**9})):
            self.assertIn(reply.status, (200, 400))
            for what in ("requests", "tokens"):
                self.assertRegex(reply.field(f"x-ratelimit-limit-{what}"), r"^\d+$")
                self.assertRegex(reply.field(f"x-ratelimit-remaining-{what}"), r"^\d+$")
                self.assertRegex(reply.field(f"x-ratelimit-reset-{what}"), DURATION)

    def test_h10_the_first_of_500(self):
        key = self.weir.run("key", "create", "--account", "demo").stdout.strip()
        reply = self.ask(key=key)
        self.assertEqual([reply.field(f"x-ratelimit-{what}-requests") for what in ("limit", "remaining", "reset")],
                         ["500", "499", "120ms"])


class Slow(Conformance):
    SETTINGS = {"local": False, "limits": "limits: {head_timeout: 300ms, write_timeout: 300ms}\n"}

    def test_h31_a_slow_head(self):
        with wire.Connection(self.weir.api, PATIENCE) as connection:
            connection.socket.settimeout(0.02)
            for byte in b"POST " + CHAT.encode() + b" HTTP/1.1\r\nHost: " + b"a" * 5000:
                connection.send(bytes([byte]))
                try:
                    if not connection.fill() or connection.buffer:
                        break
                except TimeoutError:
                    continue
            connection.socket.settimeout(PATIENCE)
            reply = connection.answer()
            self.assertTrue(reply is None or reply.status == 408, reply)
            self.assertTrue(connection.ended or connection.closes())

    def test_h33_a_client_that_does_not_read(self):
        n_sent, ended = [], threading.Event()
        text = piece(event(chunk({"content": "x" * 60_000})))

        def flood(asked):
            try:
                while len(n_sent) < 5000:  # 300 MB
                    asked.send(text)
                    n_sent.append(len(text))
            except OSError:
                ended.set()
                raise
        self.upstream.steps = [STREAM, flood]
        with wire.Connection(self.weir.api, PATIENCE) as connection:
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key), STREAMED))
            self.assertTrue(ended.wait(PATIENCE))  # the upstream was closed
            self.assertLess(sum(n_sent), 100 << 20)  # what fits the buffers of two connections, not the answer
            while connection.fill():
                connection.buffer = b""
            self.assertTrue(connection.ended)
        self.weir.wait_until(lambda: self.weir.balance()[1] == 0, "the hold to end")


class Shutdown(Conformance):
    SETTINGS = {"local": False, "listen": ", drain_time: 1h"}

    def streaming(self, steps):
        """A connection on which an answer has begun, its head, and its events."""
        self.upstream.steps = steps
        connection = self.enterContext(wire.Connection(self.weir.api, PATIENCE))
        connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key), STREAMED))
        head = connection.head()
        events = connection.stream(head)
        next(events)
        return head, events

    def refuses(self):
        try:
            wire.Connection(self.weir.api).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass  # it stood in the queue of the listener that closed
        return False

    def stop_serving(self):
        self.weir.signal(signal.SIGTERM)
        self.weir.wait_until(self.refuses, "new connections to be refused")

    def end(self):
        self.assertEqual(self.weir.wait_exit(), 0)
        self.assertEqual(self.weir.balance()[1], 0)

    def test_h37_a_stream_ends_within_the_grace_time(self):
        go_on = threading.Event()
        first, role, *rest = hello()
        head, events = self.streaming([first, role, lambda _: go_on.wait(PATIENCE), *rest])
        self.stop_serving()
        go_on.set()
        self.assertEqual(list(events)[-1], "[DONE]")
        self.assertTrue(head.complete)
        self.end()
        self.weir.start()

    def test_h37_a_stream_that_does_not_is_cut(self):
        self.weir.write_config(self.weir.config.read_text().replace("drain_time: 1h", "drain_time: 300ms"))
        self.weir.stop()
        self.weir.start()
        head, events = self.streaming([*stream(chunk({"content": "Hi"}), done=False), lambda asked: asked.wait_gone(PATIENCE),
                                       Asked.close])
        self.stop_serving()
        *_, last = list(events)
        self.assertIn("error", json.loads(last))
        self.assertFalse(head.complete)
        self.end()
        self.weir.start()
