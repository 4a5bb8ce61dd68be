"""A V4 server that sends its tool calls as text: clients get calls, and the ledger what was said."""
import json
import unittest

from conformance import Conformance
from scripted import ROLE, answer, chunk, completion, stream

BLOCK = ('<｜DSML｜tool_calls>\n<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="city" string="true">Åsgård</｜DSML｜parameter>\n'
         '<｜DSML｜parameter name="n" string="false">7</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>')
TOOLS = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}
ARGUMENTS = {"city": "Åsgård", "n": 7}


class LeakedCalls(Conformance):
    SETTINGS = {"local": False}

    def streamed(self, text, members=TOOLS, finish="stop"):
        chunks = [chunk(ROLE), *(chunk({"content": c}) for c in text), chunk({}, finish)]
        reply = self.ask({**members, "stream": True}, stream(*chunks))
        self.assertEqual((reply.status, reply.done()), (200, True), reply)
        deltas = [c["choices"][0]["delta"] for c in reply.chunks()]
        content = "".join(delta.get("content") or "" for delta in deltas)
        calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
        return content, calls, reply.chunks()[-1]["choices"][0]["finish_reason"]

    def whole(self, text, members=TOOLS):
        choice = self.ask(members, [answer(completion({"content": text}))]).json()["choices"][0]
        return choice["message"]["content"], choice["message"].get("tool_calls", []), choice["finish_reason"]

    def test_calls_in_the_text_are_calls(self):
        for ask in (self.streamed, self.whole):
            with self.subTest(ask=ask.__name__):
                content, calls, finish = ask("I look. \n\n" + BLOCK)
                self.assertEqual((content.rstrip("\n"), finish), ("I look. ", "tool_calls"))
                call, = calls
                self.assertEqual((call["type"], call["function"]["name"]), ("function", "f"))
                self.assertRegex(call["id"], r"^call_[A-Za-z0-9]{24}$")
                self.assertEqual(json.loads(call["function"]["arguments"]), ARGUMENTS)

    def test_prose_about_them_is_prose(self):
        for text, members in ((BLOCK, {}), (BLOCK.replace('"f"', '"g"'), TOOLS), ("a <｜ b", TOOLS)):
            for ask in (self.streamed, self.whole):
                with self.subTest(ask=ask.__name__, text=text[:30]):
                    self.assertEqual(ask(text, members), (text, [], "stop"))

    def test_a_limit_within_a_call(self):
        content, calls, finish = self.streamed("Hm. " + BLOCK[:-60], finish="length")
        self.assertEqual((content, calls, finish), ("Hm. ", [], "length"))


if __name__ == "__main__":
    unittest.main()
