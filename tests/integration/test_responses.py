"""Chat Completions for clients, the Responses API towards the upstream: what it is asked, what comes back, what is charged."""
import json
import unittest

from mock import Mock
from scripted import Scripted, answer, stream
from weir import PICO, Weir, cost

TERMS = "n_ctx: 100000, output_tokens_max: 1000, price: remote"
WORDS = ["water ", "über ", "流れ ", "🌊 ", "dam "]
TOOLS = [{"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object", "properties": {
    "at": {"type": "integer"}}}}} for name in ("flow", "level")]


def text(first, n):
    return "".join(WORDS[i % len(WORDS)] for i in range(first, first + n))


def joined(chunks, member):
    return "".join(c["choices"][0]["delta"].get(member) or "" for c in chunks if c["choices"])


class CustomTools(unittest.TestCase):
    """Tools that take any text: another shape in each API."""
    GRAMMAR = {"syntax": "lark", "definition": "start: /a+/"}
    TOOLS = [{"type": "custom", "custom": {"name": "exec", "description": "d", "format": {"type": "grammar", "grammar": GRAMMAR}}},
             {"type": "custom", "custom": {"name": "note", "format": {"type": "text"}}}, TOOLS[0]]
    ITEM = {"id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "call_c", "name": "exec", "input": "aa\"a"}
    RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": [ITEM],
                "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}}

    def setUp(self):
        self.upstream = self.enterContext(Scripted())
        self.weir = self.enterContext(Weir(upstream=self.upstream.base_url, local=False, routes="  m: {plan: [m]}\n",
                                           endpoints=f'  m: {{upstream: up, model: "m", api: responses, {TERMS}}}\n'))
        self.key = self.weir.account()
        self.weir.start()

    def ask(self, steps, **members):
        self.upstream.steps = steps
        reply = self.weir.chat(self.key, "m", **{"max_tokens": 100, "tools": self.TOOLS, **members})
        self.assertEqual(reply.status, 200, reply)
        return reply

    def test_what_is_asked(self):
        said = {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_c", "type": "custom", "custom": {"name": "exec", "input": "aaa"}},
            {"id": "call_f", "type": "function", "function": {"name": "flow", "arguments": "{}"}}]}
        results = [{"role": "tool", "tool_call_id": "call_c", "content": "x"}, {"role": "tool", "tool_call_id": "call_f", "content": "y"}]
        self.ask([answer(self.RESPONSE)], messages=[{"role": "user", "content": "Hi"}, said, *results],
                 tool_choice={"type": "custom", "custom": {"name": "exec"}})
        asked = self.upstream.asked[-1].body
        self.assertEqual(asked["tools"], [
            {"type": "custom", "name": "exec", "description": "d", "format": {"type": "grammar", **self.GRAMMAR}},
            {"type": "custom", "name": "note", "format": {"type": "text"}},
            {"type": "function", "name": "flow", "description": "d", "parameters": TOOLS[0]["function"]["parameters"], "strict": False}])
        self.assertEqual(asked["tool_choice"], {"type": "custom", "name": "exec"})
        self.assertEqual(asked["input"][1:], [
            {"type": "custom_tool_call", "call_id": "call_c", "name": "exec", "input": "aaa"},
            {"type": "function_call", "call_id": "call_f", "name": "flow", "arguments": "{}"},
            {"type": "custom_tool_call_output", "call_id": "call_c", "output": "x"},
            {"type": "function_call_output", "call_id": "call_f", "output": "y"}])

    def test_what_is_answered(self):
        choice = self.ask([answer(self.RESPONSE)]).json()["choices"][0]
        call = {"id": "call_c", "type": "custom", "custom": {"name": "exec", "input": 'aa"a'}}
        self.assertEqual((choice["message"]["tool_calls"], choice["finish_reason"]), ([call], "tool_calls"))
        begun = {**self.ITEM, "input": "", "status": "in_progress"}
        for deltas in (['aa"', "a"], []):  # some servers send whole items only
            with self.subTest(deltas=deltas):
                events = [{"type": "response.created", "response": {**self.RESPONSE, "status": "in_progress", "output": []}},
                          {"type": "response.output_item.added", "output_index": 0, "item": begun},
                          *({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": d} for d in deltas),
                          {"type": "response.custom_tool_call_input.done", "output_index": 0, "input": 'aa"a'},
                          {"type": "response.output_item.done", "output_index": 0, "item": self.ITEM},
                          {"type": "response.completed", "response": self.RESPONSE}]
                reply = self.ask(stream(*events, done=False) + [b"0\r\n\r\n"], stream=True)
                self.assertTrue(reply.done(), reply)
                calls = [c for chunk in reply.chunks() for c in chunk["choices"][0]["delta"].get("tool_calls", ())]
                self.assertEqual(calls[0], {"index": 0, **call, "custom": {"name": "exec", "input": ""}})
                self.assertEqual("".join(c["custom"]["input"] for c in calls), 'aa"a')
                self.assertEqual(reply.chunks()[-1]["choices"][0]["finish_reason"], "tool_calls")


class Responses(unittest.TestCase):
    def serve(self, models, kind="openai_compatible", terms="api: responses", plan=None):
        self.mock = self.enterContext(Mock())
        endpoints = "".join(f'  {m}: {{upstream: up, model: "{m}", {terms + ", " if terms else ""}{TERMS}}}\n' for m in models)
        routes = "".join(f"  {m}: {{plan: [{m}]}}\n" for m in models) + (f"  r: {{plan: [{', '.join(plan)}]}}\n" if plan else "")
        self.weir = self.enterContext(Weir(upstream=self.mock.base_url, local=False, endpoints=endpoints, routes=routes))
        self.weir.write_config(self.weir.config.read_text().replace("kind: openai_compatible", f"kind: {kind}"))
        self.key = self.weir.account()
        self.weir.start()

    def ask(self, model, key=None, **members):
        answer = self.weir.chat(key or self.key, model, **{"max_tokens": 100, **members})
        self.assertEqual(answer.status, 200, answer)
        return json.loads(answer.body)

    def stream(self, model, key=None, **members):
        answer = self.weir.chat(key or self.key, model, stream=True, **{"max_tokens": 100, **members})
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.done(), answer)
        return answer.chunks()

    def asked(self, place=-1):
        return json.loads(self.mock.log()[place]["body"])

    def test_an_answer_and_its_charge(self):
        self.serve(["ok-n7-r3-c4"])
        whole = self.ask("ok-n7-r3-c4", reasoning_effort="high", temperature=1, metadata={"a": "b"}, verbosity="low")
        self.assertEqual(whole["object"], "chat.completion")
        self.assertTrue(whole["id"].startswith("chatcmpl-"), whole["id"])
        choice = whole["choices"][0]
        self.assertEqual((choice["message"]["content"], choice["message"]["reasoning_content"], choice["finish_reason"]),
                         (text(3, 7), text(0, 3), "stop"))
        self.assertEqual(whole["usage"]["completion_tokens_details"]["reasoning_tokens"], 3)
        self.assertEqual(self.asked(), {
            "model": "ok-n7-r3-c4", "input": [{"role": "user", "content": "Hello"}], "stream": False, "max_output_tokens": 100,
            "store": False, "reasoning": {"effort": "high"}, "include": ["reasoning.encrypted_content"], "temperature": 1,
            "metadata": {"a": "b"}, "text": {"verbosity": "low"}})
        chunks = self.stream("ok-n7-r3-c4", reasoning_effort="high", stream_options={"include_usage": True})
        self.assertEqual((joined(chunks, "content"), joined(chunks, "reasoning_content")), (text(3, 7), text(0, 3)))
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual([c["choices"][0]["finish_reason"] for c in chunks[-3:-1]], [None, "stop"])
        self.assertEqual(chunks[-1]["choices"], [])
        for chunk in chunks[:-1]:
            self.assertIsNone(chunk["usage"])
        usage = whole["usage"]
        self.assertEqual(chunks[-1]["usage"], usage)
        tokens = {"input_uncached": usage["prompt_tokens"] - 4, "cache_read": 4, "output_answer": 7, "output_reasoning": 3}
        self.assertEqual(self.weir.balance()[1:], (0, 2 * cost(tokens, PICO["remote"])))
        self.weir.verify()

    def test_a_client_that_did_not_ask_gets_no_usage(self):
        self.serve(["ok-n5"])
        chunks = self.stream("ok-n5")
        self.assertTrue(all(chunk["choices"] and "usage" not in chunk for chunk in chunks), chunks[-1])

    def test_a_tool_loop_brings_the_reasoning_back(self):
        self.serve(["fault-13-n5"])
        other = self.weir.account("other")
        for stream in (False, True):
            question = {"role": "user", "content": "Flow?"}
            if stream:
                chunks = self.stream("fault-13-n5", messages=[question], tools=TOOLS)
                pieces = [c for chunk in chunks for c in chunk["choices"][0]["delta"].get("tool_calls", ())]
                calls = [p | {"function": p["function"] | {"arguments": ""}} for p in pieces if "id" in p]
                for piece in pieces:
                    calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
                finish = chunks[-1]["choices"][0]["finish_reason"]
            else:
                choice = self.ask("fault-13-n5", messages=[question], tools=TOOLS)["choices"][0]
                calls, finish = choice["message"]["tool_calls"], choice["finish_reason"]
            self.assertEqual(finish, "tool_calls")
            self.assertEqual([(c["id"], c["type"], c["function"]) for c in calls],
                             [(f"call_{n}", "function", {"name": n, "arguments": '{"at":1}'}) for n in ("flow", "level")])
            sent = self.asked()
            self.assertEqual(sent["tools"], [{"type": "function", **t["function"], "strict": False} for t in TOOLS])
            asked_first = self.mock.log()
            messages = [question, {"role": "assistant", "content": None, "tool_calls": calls},
                        *({"role": "tool", "tool_call_id": c["id"], "content": "1"} for c in calls)]
            for key in (self.key, other):
                reply = self.ask("fault-13-n5", key, messages=messages, tools=TOOLS)
                self.assertEqual(reply["choices"][0]["message"]["content"], text(0, 5))
            ours, others = (json.loads(entry["body"])["input"] for entry in self.mock.log()[len(asked_first):])
            reasoning = [item for item in ours if item.get("type") == "reasoning"]
            self.assertEqual([r["encrypted_content"] for r in reasoning], [f"sealed-{len(asked_first)}"])
            self.assertEqual(ours[1], reasoning[0])
            self.assertEqual([item for item in ours if item not in reasoning], others)
            self.assertEqual([item.get("type") for item in others], [None, *["function_call"] * 2, *["function_call_output"] * 2])

    def test_choices_formats_and_parts(self):
        self.serve(["ok-n5"])
        schema = {"name": "s", "strict": True, "schema": {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "null"}},
                                                          "required": ["z", "a"], "additionalProperties": False}}
        url = "data:image/png;base64,iVBORw0KGgo="
        self.ask("ok-n5", response_format={"type": "json_schema", "json_schema": schema}, tools=TOOLS, logprobs=True, top_logprobs=2,
                 tool_choice={"type": "function", "function": {"name": "flow"}}, parallel_tool_calls=False, reasoning_effort="none", messages=[
                     {"role": "developer", "content": "Be brief."},
                     {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": url, "detail": "low"}}]},
                     {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "And?"}])
        sent = self.asked()
        self.assertEqual(sent["text"], {"format": {"type": "json_schema", **schema}})
        self.assertEqual(list(sent["text"]["format"]["schema"]["properties"]), ["z", "a"])  # as it came: caches know its bytes
        self.assertEqual(sent["tool_choice"], {"type": "function", "name": "flow"})
        self.assertEqual((sent["parallel_tool_calls"], sent["top_logprobs"], sent["include"], sent["reasoning"]),
                         (False, 2, ["message.output_text.logprobs"], {"effort": "none"}))
        self.assertEqual(sent["input"], [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "See"}, {"type": "input_image", "image_url": url, "detail": "low"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]}, {"role": "user", "content": "And?"}])

    def test_what_has_no_counterpart_is_refused_before_anything_is_sent(self):
        self.serve(["ok-n5"])
        for members in ({"n": 2}, {"stop": "x"}, {"seed": 1}, {"logit_bias": {"5": 1}}, {"presence_penalty": 1},
                        {"prediction": {"type": "content", "content": "x"}},
                        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "aa", "format": "wav"}}]}]}):
            answer = self.weir.chat(self.key, "ok-n5", max_tokens=20, **members)
            error = json.loads(answer.body)["error"]
            self.assertEqual((answer.status, error["type"]), (400, "invalid_request_error"), (members, error))
            self.assertIn(error["code"], ("unsupported_parameter", "unsupported_value"), members)
        self.assertEqual(self.mock.log(), [])
        self.ask("ok-n5", n=1, presence_penalty=0, logit_bias={}, max_tokens=5)
        self.assertEqual(self.asked()["max_output_tokens"], 16)  # the API's least, and held

    def test_which_api_auto_takes(self):
        self.serve(["gpt-5.5", "gpt-5.5-pro", "gpt-4.1"], kind="openai", terms="")
        for model, members, api in (("gpt-5.5", {}, "messages"), ("gpt-5.5", {"tools": TOOLS}, "input"),
                                    ("gpt-5.5", {"tools": TOOLS, "reasoning_effort": "none"}, "messages"),
                                    ("gpt-5.5-pro", {}, "input"), ("gpt-4.1", {"tools": TOOLS}, "messages")):
            self.ask(model, **members)
            self.assertIn(api, self.asked(), (model, members))
        told = json.loads(self.weir.run("check", "--explain", "gpt-5.5-pro", "--json").stdout)
        self.assertEqual(told["plan"][0]["api"], "responses")
        self.stream("gpt-5.5-pro")
        self.assertEqual(self.asked()["stream_options"], {"include_obfuscation": False})
        self.assertEqual(self.weir.chat(self.key, "gpt-5.5", max_tokens=20, tools=TOOLS, stop="x").status, 400)

    def test_failures(self):
        self.serve(["fault-14-k0", "fault-14-k2", "fault-7-k2", "fault-15-k2", "ok-n5", "ok-n90"], plan=["fault-14-k0", "ok-n5"])
        answer = self.weir.chat(self.key, "r", max_tokens=20, stream=True)  # nothing of the first was seen
        self.assertEqual((answer.status, answer.field("x-weir-endpoint")), (200, "ok-n5"))
        for model in ("fault-14-k2", "fault-7-k2", "fault-15-k2"):
            answer = self.weir.chat(self.key, model, max_tokens=20, stream=True)
            self.assertIn("error", answer.chunks()[-1], model)
        chunks = self.stream("ok-n90", max_tokens=20)
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "length")
        self.assertEqual(self.weir.balance()[1], 0)
        self.weir.verify()
        self.weir.stop_cleanly(self)
