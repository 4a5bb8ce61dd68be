"""Rows T: tools in requests, and calls in answers, streamed and not."""
import re

from conformance import HI, Conformance, accepted, all_of, bad, table
from scripted import ROLE, answer, call, chunk, completion, stream

ID = re.compile(r"call_[A-Za-z0-9]{24}")


def tool(name="f", **members):
    return {"type": "function", "function": {"name": name, **members}}


def called(*ids, arguments="{}"):
    return {"role": "assistant", "content": None, "tool_calls": [call(arguments, id=id, name="f") for id in ids]}


def result(id):
    return {"role": "tool", "tool_call_id": id, "content": "7"}


def says(*messages):
    return {"messages": [*HI, *messages]}


TOOLS = {"tools": [tool("f"), tool("g")]}
LOOSE = {"type": "object", "properties": {}}


@table({
    "T01 no function": bad({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].function"),
    "T01 no name": bad({"tools": [{"type": "function", "function": {}}]}, "missing_required_parameter",
                       "tools[0].function.name"),
    "T02 a number as tool_choice": bad({**TOOLS, "tool_choice": 7}, "invalid_type", "tool_choice", "one of one of"),
    "T03 tool_choice without function": bad({**TOOLS, "tool_choice": {"type": "function"}}, "missing_required_parameter",
                                            "tool_choice.function"),
    "T04 a call without result": bad(says(called("a", "b"), result("a"), *HI), None, "messages.[3].role", "ids did not have "
                                     "response messages: b"),
    "T05 a result without call": bad(says(result("a")), None, "messages.[1].role",
                                     "must be a response to a preceeding message"),
    "T06 results in reverse": accepted(says(called("a", "b"), result("b"), result("a"))),
    "T06 also for the engine": accepted({**TOOLS, **says(called("a", "b"), result("b"), result("a"))}, model="tiny"),
    "T17 an absent function": bad({**TOOLS, "tool_choice": tool("h")}, "invalid_value", "tool_choice.function.name"),
    "T18 a blank in a name": bad({"tools": [tool("a b")]}, "invalid_value", "tools[0].function.name"),
    "T18 a name of 65": bad({"tools": [tool("f" * 65)]}, "string_above_max_length", "tools[0].function.name"),
    "T21 a faulty strict schema": bad({"tools": [tool(strict=True, parameters=LOOSE)]}, "invalid_function_parameters",
                                      "tools[0].function.parameters"),
})
class Tools(Conformance):
    def whole(self, message, finish="tool_calls", **members):
        """The choice of an answer whose upstream said this message."""
        return self.ok({**TOOLS, **members}, [answer(completion(message, finish))])["choices"][0]

    def streamed(self, *deltas, finish="tool_calls"):
        """The deltas of a stream, and the calls that a client puts together of them by their index."""
        chunks = self.chunks(TOOLS, stream(chunk({**ROLE, "content": None}), *[chunk(delta) for delta in deltas],
                                           chunk({}, finish)))
        choices = [c["choices"][0] for c in chunks]
        self.assertEqual((choices[-1]["delta"], choices[-1]["finish_reason"]), ({}, "tool_calls"))
        self.assertEqual({c["finish_reason"] for c in choices[:-1]}, {None})
        calls = {}
        for entry in (entry for c in choices for entry in c["delta"].get("tool_calls", [])):
            one = calls.setdefault(entry["index"], {"id": "", "name": "", "arguments": ""})
            one["id"] += entry.get("id", "")
            for key, value in entry["function"].items():
                one[key] += value
        self.assertEqual(list(calls), list(range(len(calls))))
        return [c["delta"] for c in choices], list(calls.values())

    def test_t07_a_call(self):
        entry = call('{"a":1}', id="toolu_7", name="f")
        choice = self.whole({"content": None, "tool_calls": [entry]})
        self.assertEqual((choice["finish_reason"], choice["message"]["content"]), ("tool_calls", None))
        self.assertEqual(choice["message"]["tool_calls"], [entry])

    def test_t08_no_arguments(self):
        choice = self.whole({"content": None, "tool_calls": [call("", id="a", name="f")]})
        self.assertEqual(choice["message"]["tool_calls"][0]["function"]["arguments"], "{}")
        _, calls = self.streamed({"tool_calls": [call("", 0, "a", "f")]}, {"tool_calls": [call("", 1, "b", "g")]})
        self.assertEqual(calls, [{"id": "a", "name": "f", "arguments": "{}"}, {"id": "b", "name": "g", "arguments": "{}"}])

    def test_t09_no_id(self):
        entries = [{"type": "function", "function": {"name": name, "arguments": "{}"}} for name in "fg"]
        ids = [entry["id"] for entry in self.whole({"content": None, "tool_calls": entries})["message"]["tool_calls"]]
        _, calls = self.streamed({"tool_calls": [{"index": i, **entry} for i, entry in enumerate(entries)]})
        ids += [one["id"] for one in calls]
        for id in ids:
            self.assertRegex(id, ID)
        self.assertEqual(len(set(ids)), 4)

    def test_t10_arguments_as_an_object(self):
        entry = {"id": "a", "type": "function", "function": {"name": "f", "arguments": {"a": [1, "x y"]}}}
        choice = self.whole({"content": None, "tool_calls": [entry]})
        self.assertEqual(choice["message"]["tool_calls"][0]["function"]["arguments"], '{"a":[1,"x y"]}')
        _, calls = self.streamed({"tool_calls": [{"index": 0, **entry}]})
        self.assertEqual(calls[0]["arguments"], '{"a":[1,"x y"]}')

    def test_t11_finish_stop_with_calls(self):
        entry = call("{}", id="a", name="f")
        self.assertEqual(self.whole({"content": None, "tool_calls": [entry]}, "stop")["finish_reason"], "tool_calls")
        self.streamed({"tool_calls": [{"index": 0, **entry}]}, finish="stop")

    def test_t12_empty_calls(self):
        choice = self.whole({"tool_calls": []}, "stop")
        self.assertNotIn("tool_calls", choice["message"])
        self.assertEqual(choice["finish_reason"], "stop")
        chunks = self.chunks(TOOLS, stream(chunk(ROLE), chunk({"content": "Hi!", "tool_calls": []}), chunk({}, "stop")))
        self.assertFalse(any("tool_calls" in c["choices"][0]["delta"] for c in chunks))
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")

    def test_t13_a_truncated_call(self):
        choice = self.whole({"content": None, "tool_calls": [call('{"a', id="a", name="f")]}, "length")
        self.assertEqual(choice["finish_reason"], "length")
        self.assertEqual(choice["message"]["tool_calls"][0]["function"]["arguments"], '{"a')

    def test_t14_a_truncated_call_comes_back(self):
        message = self.whole({"content": None, "tool_calls": [call('{"a', id="a", name="f")]}, "length")["message"]
        self.ok({**TOOLS, **says(message, result("a"))})
        self.assertEqual(self.upstream.asked[-1].body["messages"][1], message)
        self.ok({"model": "tiny", "max_completion_tokens": 1, **TOOLS, **says(message, result("a"))})

    def tiny(self, **members):
        """The choice of an answer of the engine, whose weights are random: calls come because they must."""
        return self.ok({"model": "tiny", "reasoning_effort": "none", "max_completion_tokens": 400, **members})["choices"][0]

    def test_t15_one_call_at_most(self):
        tools = [tool("f", strict=True, parameters={**LOOSE, "required": [], "additionalProperties": False})]
        members = {"tools": tools, "tool_choice": "required"}
        n_twice = 0
        for seed in range(60):
            if len(self.tiny(**members, seed=seed)["message"].get("tool_calls", [])) > 1:
                message = self.tiny(**members, seed=seed, parallel_tool_calls=False)["message"]
                self.assertEqual(len(message["tool_calls"]), 1)
                n_twice += 1
            if n_twice == 3:
                return
        raise AssertionError(f"only {n_twice} answers call twice where they may")

    def test_t16_none(self):
        for seed in range(4):
            self.assertNotIn("tool_calls", self.tiny(**TOOLS, tool_choice="none", seed=seed, max_completion_tokens=60)["message"])
        self.ok({**TOOLS, "tool_choice": "none"})
        self.assertEqual(self.upstream.asked[-1].body["tool_choice"], "none")

    def test_t19_many_large_tools(self):
        schema = {"type": "object", "properties": {"p": {"type": "string", "description": "d" * 20_000}}}
        tools = [tool(f"f{i}", parameters=schema) for i in range(128)]
        self.ok({"tools": tools})
        self.assertEqual(self.upstream.asked[-1].body["tools"], tools)

    def test_t20_functions(self):
        said = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
        members = {"functions": [{"name": "f", "parameters": LOOSE}], "function_call": {"name": "f"}}
        choice = self.ok(members, [answer(completion(said, "function_call"))])["choices"][0]
        self.assertEqual((choice["finish_reason"], choice["message"]["function_call"]), ("function_call", said["function_call"]))
        self.assertEqual({name: self.upstream.asked[-1].body[name] for name in members}, members)

    def test_t22_only_those_that_are_allowed(self):
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [tool("g")]}}
        names = set()
        for seed in range(12):
            message = self.tiny(**TOOLS, tool_choice=choice, seed=seed)["message"]
            names |= {entry["function"]["name"] for entry in message.get("tool_calls", [])}
        self.assertEqual(names, {"g"})

    def test_t23_a_custom_tool(self):
        custom = {"tools": [{"type": "custom", "custom": {"name": "exec"}}]}
        self.assertEqual(self.ask({"model": "tiny", **custom}).status, 400)  # the engine has none
        self.ok(custom)
        self.assertEqual(self.upstream.asked[-1].body["tools"], custom["tools"])
