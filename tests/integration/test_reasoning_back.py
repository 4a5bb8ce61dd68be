"""Reasoning goes back to DeepSeek with the calls it led to, though clients drop it."""
import json
import unittest

import wire
from mock import Mock
from weir import Weir

MODEL = "fault-13-r6"  # thinks, and calls two tools
TERMS = "n_ctx: 100000, output_tokens_max: 1000, price: remote"
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}} for name in ("flow", "level")]
THOUGHT = "water über 流れ 🌊 dam water "


class ReasoningBack(unittest.TestCase):
    def setUp(self):
        self.mock = self.enterContext(Mock())
        endpoints = "".join(f'  {name}: {{upstream: up, model: "{MODEL}", {TERMS}}}\n' for name in ("one", "two"))
        endpoints += f'  talk: {{upstream: up, model: "ok-n5-r6", {TERMS}}}\n'
        self.weir = self.enterContext(Weir(upstream=self.mock.base_url, local=False, endpoints=endpoints,
                                           routes="".join(f"  {name}: {{plan: [{name}]}}\n" for name in ("one", "two", "talk"))))
        self.kind("deepseek")
        self.key = self.weir.account()
        self.weir.start()

    def kind(self, kind):
        self.weir.write_config(self.weir.config.read_text().replace("kind: openai_compatible", f"kind: {kind}"))

    def ask(self, key=None, model="one", **members):
        answer = self.weir.chat(key or self.key, model, max_tokens=50, tools=TOOLS, **members)
        self.assertEqual(answer.status, 200, answer)
        return answer

    def calls(self, stream):
        """An answer's calls, as a client keeps them: without what the model thought."""
        answer = self.ask(stream=stream)
        if not stream:
            return json.loads(answer.body)["choices"][0]["message"]["tool_calls"]
        pieces = [c for chunk in answer.chunks() for c in (chunk["choices"][0]["delta"].get("tool_calls") or ())]
        return [{"id": p["id"], "type": "function", "function": {"name": p["function"]["name"], "arguments": "{}"}}
                for p in pieces if "name" in p["function"]]

    def sent_back(self, calls, key=None, model="one", message=None, **members):
        """reasoning_content of the assistant's message as the upstream gets it; False: there is none."""
        messages = [{"role": "user", "content": "Flow?"}, {"role": "assistant", "content": None, "tool_calls": calls, **(message or {})},
                    *({"role": "tool", "tool_call_id": c["id"], "content": "1"} for c in calls)]
        self.told = self.ask(key, model, messages=messages, **members).field("x-weir-reasoning")
        sent = json.loads(self.mock.log()[-1]["body"])["messages"]
        self.assertEqual(sent[0], messages[0])
        self.assertEqual({k: v for k, v in sent[1].items() if k != "reasoning_content"},
                         {k: v for k, v in messages[1].items() if k != "reasoning_content"})
        self.assertEqual(sent[2:], messages[2:])
        return sent[1].get("reasoning_content", False)

    def test_it_is_put_back_where_it_came_from(self):
        other = self.weir.account("other")
        for stream in (False, True):
            calls = self.calls(stream)
            self.assertEqual(self.sent_back(calls), THOUGHT)
            self.assertEqual(self.sent_back(calls), THOUGHT)  # with every later turn, too
            self.assertEqual(self.sent_back(calls, message={"reasoning_content": ""}), THOUGHT)
            self.assertEqual(self.sent_back(calls, message={"reasoning_content": "mine"}), "mine")
            if not stream:  # they get calls of the same names in answer
                self.assertEqual(self.sent_back(calls, other), "not available")
                self.assertEqual(self.told, "high; filled=reasoning_content")
                self.assertEqual(self.sent_back(calls, model="two"), THOUGHT)  # it is text: any endpoint reads it
                self.assertEqual(self.told, "high")
            self.assertEqual(self.sent_back(calls, reasoning_effort="none"), False)
        self.assertEqual(self.weir.balance()[1], 0)
        self.weir.verify()

    def test_that_of_the_answer_to_a_result_too(self):
        """It has no call's id: its text tells which it was."""
        call = {"id": "c1", "type": "function", "function": {"name": "flow", "arguments": "{}"}}
        loop = [{"role": "user", "content": "Flow?"}, {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "mine"},
                {"role": "tool", "tool_call_id": "c1", "content": "1"}]
        for stream in (False, True):
            answer = self.ask(model="talk", messages=loop, stream=stream)
            said = ("".join(c["choices"][0]["delta"].get("content") or "" for c in answer.chunks() if c["choices"]) if stream
                    else answer.json()["choices"][0]["message"]["content"])
            later = [*loop, {"role": "assistant", "content": said}, {"role": "user", "content": "And the level?"}]
            told = self.ask(model="talk", messages=later)
            self.assertEqual(told.field("x-weir-reasoning"), "high")
            self.assertEqual(json.loads(self.mock.log()[-1]["body"])["messages"][3]["reasoning_content"], THOUGHT)
            later[3]["content"] += "."  # not what was said
            told = self.ask(model="talk", messages=later)
            self.assertEqual(told.field("x-weir-reasoning"), "high; filled=reasoning_content")

    def test_it_is_held_for(self):
        """What goes back is part of the prompt: a hold covers it."""
        calls = self.calls(False)
        messages = [{"role": "user", "content": "Flow?"}, {"role": "assistant", "content": None, "tool_calls": calls},
                    *({"role": "tool", "tool_call_id": c["id"], "content": "1"} for c in calls)]
        body = {"model": "one", "max_tokens": 50, "tools": TOOLS, "messages": messages}
        held = [json.loads(wire.post_json(self.weir.api, "/v1/quote", body, key).body)["plan"][0]["prompt_tokens_max"]
                for key in (self.key, self.weir.account("other"))]
        self.assertEqual(held[0] - held[1], len(THOUGHT.encode()))
