"""What the tests of the conformance rows (tests/rows.txt) share: the fixture of their section, and tables of cases.

A test is found by the row that it holds: the row's id stands in the test's name, `test_c04_...`."""
import json
import re
import unittest

import wire
from scripted import Scripted
from weir import PATIENCE, Weir

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]


def table(cases):
    """Makes a test of each case: {"C04 no model": case}, and a case is called with the test."""
    def add(cls):
        for title, case in cases.items():
            name = "test_" + re.sub(r"\W+", "_", title.lower()).strip("_")
            assert not hasattr(cls, name), name
            setattr(cls, name, lambda self, case=case: case(self))
        return cls
    return add


class Conformance(unittest.TestCase):
    """`chat` is a scripted upstream that speaks Chat Completions, `tiny` the engine with a model of random weights."""
    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(Scripted())
        settings = {"routes": "", "limits": "limits: {rate_limits: {key: {requests_per_minute: 5000}}}\n", **cls.SETTINGS}
        settings["routes"] += "  tiny: {plan: [local-v4]}\n" if settings.get("local", True) else ""
        cls.weir = cls.enterClassContext(Weir(upstream=cls.upstream.base_url, remote_models=["chat"], **settings))
        cls.key = cls.weir.account(credit="1000.00")
        cls.poor = cls.weir.account("poor", credit=None)
        cls.weir.start()

    @classmethod
    def tearDownClass(cls):
        cls.weir.wait_until(lambda: cls.weir.balance()[1] == 0, "every hold to end")
        code = cls.weir.stop()
        assert code == 0, "\n".join(cls.weir.log_lines[-40:])
        super().tearDownClass()

    def setUp(self):
        self.upstream.steps = None
        self.upstream.asked.clear()

    def post(self, body, key=None, fields=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return wire.request(self.weir.api, "POST", CHAT, [*wire.json_fields(key or self.key), *fields], body, PATIENCE)

    def ask(self, members=(), steps=None, key=None, fields=()):
        """B with these members; `steps` is what the upstream then does."""
        self.upstream.steps = steps
        return self.post({"model": "chat", "messages": HI, **dict(members)}, key, fields)

    def ok(self, *arguments, **named):
        """The same, and the answer's JSON."""
        answer = self.ask(*arguments, **named)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.field("content-type"), "application/json")
        return answer.json()

    def chunks(self, members=(), steps=None):
        """The chunks of a stream that ends as it should."""
        answer = self.ask({"stream": True, **dict(members)}, steps)
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.complete and answer.done(), answer)
        return answer.chunks()

    def refused(self, answer, status, code, param, text="", kind="invalid_request_error"):
        """err(status, code, param) of the rows; returns the message."""
        self.assertEqual(answer.status, status, answer)
        self.assertTrue(answer.complete)
        self.assertTrue(answer.field("content-type").startswith("application/json"), answer)
        error = answer.error()
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual((error["type"], error["code"], error["param"]), (kind, code, param), answer)
        self.assertIn(text, error["message"])
        return error["message"]


def accepted(*bodies, model="chat"):
    """Each of these members, added to B, is answered with 200."""
    def case(test):
        for members in bodies:
            with test.subTest(str(members)[:100]):
                test.ok({"model": model, "max_completion_tokens": 1, **members} if model == "tiny" else members)
    return case


def bad(members, code, param, text="", status=400):
    """B with these members is err(status, code, param), and costs nothing."""
    def case(test):
        test.refused(test.ask(members), status, code, param, text)
        test.assertEqual(test.upstream.asked, [])
    return case


def bad_body(body, code, param, text=""):
    """The same of a whole body."""
    def case(test):
        test.refused(test.post(body), 400, code, param, text)
        test.assertEqual(test.upstream.asked, [])
    return case


def all_of(*cases):
    def case(test):
        for number, each in enumerate(cases, 1):
            with test.subTest(number):
                each(test)
    return case
