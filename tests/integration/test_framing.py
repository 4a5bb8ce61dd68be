"""Requests whose end is in doubt are refused and the connection is closed: no byte becomes another request."""
import json
import unittest

import wire
from weir import Weir

BODY = b'{"model":"deepseek-v4","max_tokens":2,"messages":[{"role":"user","content":"x"}]}'
CHUNKED = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def head(*lines, version=b"HTTP/1.1", host=True, method=b"POST", target=b"/v1/chat/completions"):
    start = [b" ".join((method, target, version))] + ([b"Host: localhost"] if host else [])
    return b"\r\n".join([*start, b"Content-Type: application/json", *lines]) + b"\r\n\r\n"


LENGTH = b"Content-Length: %d" % len(BODY)
TE = b"Transfer-Encoding: chunked"

# name -> bytes; all must be answered 400 (some may be 501 or 505) and the connection closed
REFUSED = {
    "identity, then length": head(b"Transfer-Encoding: identity", LENGTH) + BODY,
    "gzip": head(b"Transfer-Encoding: gzip") + CHUNKED,
    "xchunked": head(b"Transfer-Encoding: xchunked") + CHUNKED,
    "chunked, gzip": head(b"Transfer-Encoding: chunked, gzip") + CHUNKED,
    "gzip, chunked": head(b"Transfer-Encoding: gzip, chunked") + CHUNKED,
    "chunked twice": head(TE, TE) + CHUNKED,
    "chunked in HTTP/1.0": head(TE, version=b"HTTP/1.0") + CHUNKED,
    "length, then chunked": head(LENGTH, TE) + CHUNKED,
    "chunked, then length": head(TE, LENGTH) + CHUNKED,
    "two lengths": head(LENGTH, b"Content-Length: 3") + BODY,
    "equal lengths": head(LENGTH, LENGTH) + BODY,
    "a list of lengths": head(b"Content-Length: 5, 5") + BODY,
    "a signed length": head(b"Content-Length: +5") + BODY,
    "a negative length": head(b"Content-Length: -1") + BODY,
    "a hexadecimal length": head(b"Content-Length: 0x5") + BODY,
    "a length of 2^64": head(b"Content-Length: 18446744073709551616") + BODY,
    "an empty length": head(b"Content-Length:") + BODY,
    "an underscore": head(b"Content_Length: 5", LENGTH) + BODY,
    "a chunk of 2^64": head(TE) + b"10000000000000000\r\n" + BODY,
    "bare LF in a chunk line": head(TE) + b"5\nhello\r\n0\r\n\r\n",
    "a wrong chunk end": head(TE) + b"5\r\nhelloXX0\r\n\r\n",
    "a chunk size of none": head(TE) + b"\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a sign": head(TE) + b"+5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with 0x": head(TE) + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a long chunk extension": head(TE) + b"5;x=" + b"a" * 9000 + b"\r\nhello\r\n0\r\n\r\n",
    "no host": head(LENGTH, host=False) + BODY,
    "two hosts": head(b"Host: other", LENGTH) + BODY,
    "a host with a path": head(b"Host: a/#@b", LENGTH, host=False) + BODY,
    "a folded field": head(b"X-Folded: a\r\n b", LENGTH) + BODY,
    "bare LF line ends": head(LENGTH).replace(b"\r\n", b"\n") + BODY,
    "a bare CR": head(b"X-A: a\rb", LENGTH) + BODY,
    "NUL": head(b"X-A: a\0b", LENGTH) + BODY,
    "a blank before the colon": head(b"Content-Length : %d" % len(BODY)) + BODY,
    "two blanks": head(LENGTH, method=b"POST ") + BODY,
    "HTTP/1.2": head(LENGTH, version=b"HTTP/1.2") + BODY,
    "HTTP/2.0": head(LENGTH, version=b"HTTP/2.0") + BODY,
    "a leading empty line": b"\r\n" + head(LENGTH) + BODY,
    "two keys": head(b"Authorization: Bearer a", b"Authorization: Bearer b", LENGTH) + BODY,
    "an absolute target": head(LENGTH, target=b"http://localhost/v1/chat/completions") + BODY,
    "a blank in the target": head(LENGTH, target=b"/v1/chat completions") + BODY,
}


class Framing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.weir = cls.enterClassContext(Weir(limits="limits: {body_bytes_max: 64KiB, head_timeout: 1s, body_timeout: 1s, idle_timeout: 1s}\n"))
        cls.key = cls.weir.account().encode()
        cls.weir.start()
        cls.auth = b"Authorization: Bearer " + cls.key

    def exchange(self, data):
        """Sends bytes, then a whole other request behind them; every answer until the server closes."""
        with wire.Connection(self.weir.api) as connection:
            connection.send(data + SMUGGLED)
            answers = []
            while (answer := connection.answer()) is not None:
                answers.append(answer)
            return answers

    def test_doubtful_requests(self):
        for name, data in REFUSED.items():
            data = data.replace(b"Content-Type:", self.auth + b"\r\nContent-Type:") if name != "two keys" else data
            with self.subTest(name):
                answers = self.exchange(data)
                self.assertEqual(len(answers), 1, f"{name}: {answers}")
                self.assertIn(answers[0].status, (400, 501, 505), name)
                self.assertEqual(answers[0].field("connection"), "close")
                self.assertTrue(answers[0].field("content-type").startswith("application/json"))
                self.assertTrue(answers[0].error()["message"])

    def test_the_answer_may_come_while_more_is_sent(self):
        """One byte at a time, a doubtful head is refused as well."""
        for name in ("chunked, gzip", "equal lengths", "no host"):
            with self.subTest(name), wire.Connection(self.weir.api) as connection:
                for byte in REFUSED[name]:
                    connection.send(bytes([byte]))
                self.assertEqual(connection.answer().status, 400)

    def test_unknown_method_is_drained_or_closed(self):
        for data in (head(LENGTH, method=b"BREW") + BODY, head(LENGTH, method=b"GET") + BODY):
            answers = self.exchange(data)
            self.assertIn(answers[0].status, (400, 405, 501))
            self.assertLessEqual({a.status for a in answers[1:]}, {401, 404}, answers)

    def test_whole_requests(self):
        """What is legal is served, and what follows is the next request."""
        for name, data in {"a length": head(self.auth, LENGTH) + BODY, "chunked": head(self.auth, TE) + CHUNKED,
                           "upper case": head(self.auth, b"TRANSFER-ENCODING: Chunked") + CHUNKED,
                           "extensions and a trailer": head(self.auth, TE) + b"%x;a=b\r\n" % len(BODY) + BODY +
                           b"\r\n0\r\nX-Trailer: 1\r\n\r\n"}.items():
            with self.subTest(name):
                with wire.Connection(self.weir.api) as connection:
                    connection.send(data + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertEqual([connection.answer().status, connection.answer().status], [200, 200])

    def test_every_split(self):
        """A request in two pieces, cut anywhere, is the same request."""
        data = head(self.auth, TE) + CHUNKED
        with wire.Connection(self.weir.api) as connection:
            for cut in range(1, len(data), 7):
                connection.send(data[:cut])
                connection.send(data[cut:])
                answer = connection.answer()
                self.assertEqual(answer.status, 200, cut)

    def test_expect_continue(self):
        with wire.Connection(self.weir.api) as connection:
            connection.send(head(self.auth, LENGTH, b"Expect: 100-continue"))
            self.assertEqual(connection.head().status, 100)
            connection.send(BODY)
            self.assertEqual(connection.answer().status, 200)
        with wire.Connection(self.weir.api) as connection:
            connection.send(head(b"Authorization: Bearer wrong", LENGTH, b"Expect: 100-continue"))
            self.assertEqual(connection.head().status, 401)
        with wire.Connection(self.weir.api) as connection:
            connection.send(head(self.auth, LENGTH, b"Expect: the-unexpected"))
            self.assertEqual(connection.head().status, 417)

    def test_http_1_0(self):
        with wire.Connection(self.weir.api) as connection:
            body = json.dumps({**json.loads(BODY), "stream": True}).encode()
            connection.send(head(self.auth, b"Content-Length: %d" % len(body), version=b"HTTP/1.0") + body)
            answer = connection.answer()
            self.assertIsNone(answer.field("transfer-encoding"))
            self.assertTrue(answer.done())
            self.assertTrue(connection.ended)

    def test_large_head(self):
        answers = self.exchange(head(b"X-Large: " + b"a" * 70_000, LENGTH) + BODY)
        self.assertEqual(answers[0].status, 431)
        answers = self.exchange(head(*[b"X-%d: a" % i for i in range(200)], LENGTH) + BODY)
        self.assertEqual(answers[0].status, 431)
        answers = self.exchange(head(LENGTH, target=b"/" + b"a" * 9000) + BODY)
        self.assertEqual(answers[0].status, 414)

    def test_slow_senders_are_not_waited_for(self):
        for data in (b"", b"POST /v1/chat/completions HTTP/1.1\r\nHost:", head(self.auth, LENGTH) + BODY[:10]):
            with self.subTest(data[:20]), wire.Connection(self.weir.api) as connection:
                connection.send(data)
                answer = connection.answer()
                self.assertTrue(answer is None or answer.status == 408, answer)
                self.assertTrue(connection.ended or connection.closes())

    def test_garbage(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)), b"\0" * 5000, b"\xff" * 5000,
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n\r\n"):
            with self.subTest(data[:12]):
                answers = self.exchange(data)
                self.assertTrue(all(answer.status in (400, 431, 501, 505) for answer in answers), answers)
        self.assertEqual(self.weir.get("/healthz").status, 200)
