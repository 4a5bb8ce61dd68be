"""Pages of other origins: what browsers ask before and what they are told."""
import unittest

import wire
from mock import Mock
from weir import Weir

APP, OTHER = "https://app.example.com", "https://evil.example.com"


class Cors(unittest.TestCase):
    def serve(self, listen):
        mock = self.enterContext(Mock())
        weir = self.enterContext(Weir(upstream=mock.base_url, local=False, listen=listen))
        self.key = weir.account()
        return weir.start()

    def preflight(self, weir, origin, asked="authorization, x-stainless-lang, x-evil"):
        return wire.request(weir.api, "OPTIONS", "/v1/chat/completions", [
            ("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", asked)])

    def test_listed_origins(self):
        weir = self.serve(f', cors_origins: ["{APP}"]')
        answer = self.preflight(weir, APP)
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.field("access-control-allow-origin"), APP)
        self.assertEqual(answer.field("vary"), "Origin")
        self.assertIn("POST", answer.field("access-control-allow-methods"))
        allowed = answer.field("access-control-allow-headers").split(", ")
        for name in ("authorization", "content-type", "x-stainless-lang"):
            self.assertIn(name, allowed)
        self.assertNotIn("x-evil", allowed)
        self.assertIsNone(answer.field("access-control-allow-credentials"))
        for answer in (weir.chat(self.key, "mock", fields=[("origin", APP)], max_tokens=3),
                       weir.chat(self.key, "mock", stream=True, fields=[("origin", APP)], max_tokens=3),
                       weir.chat("sk-wrong", "mock", fields=[("origin", APP)]),
                       wire.request(weir.api, "GET", "/nowhere", [("origin", APP)])):
            self.assertEqual(answer.field("access-control-allow-origin"), APP, answer)
            self.assertIn("x-request-id", answer.field("access-control-expose-headers"))
        for answer in (self.preflight(weir, OTHER),
                       weir.chat(self.key, "mock", fields=[("origin", OTHER)], max_tokens=3)):
            self.assertIn(answer.status, (200, 204))
            self.assertIsNone(answer.field("access-control-allow-origin"))
            self.assertEqual(answer.field("vary"), "Origin")
        self.assertIsNone(weir.chat(self.key, "mock", max_tokens=3).field("vary"))

    def test_all(self):
        weir = self.serve(', cors_origins: ["*"]')
        for answer in (self.preflight(weir, OTHER), weir.chat(self.key, "mock", fields=[("origin", OTHER)], max_tokens=3)):
            self.assertEqual(answer.field("access-control-allow-origin"), "*")

    def test_none(self):
        weir = self.serve("")
        answer = self.preflight(weir, APP)
        self.assertEqual((answer.status, answer.field("allow")), (204, "POST, OPTIONS"))
        self.assertIsNone(answer.field("access-control-allow-origin"))
