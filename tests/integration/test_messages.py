"""Chat Completions for clients, Anthropic's Messages API towards the upstream: what it is asked, what comes back, what is charged."""
import json
import unittest

from mock import Mock
from weir import PICO, Weir, cost

TERMS = "n_ctx: 200000, output_tokens_max: 64000, output_tokens_default: 1000, price: remote"
WORDS = ["water ", "über ", "流れ ", "🌊 ", "dam "]
TOOLS = [{"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object", "properties": {
    "at": {"type": "integer"}}}}} for name in ("flow", "level")]
CLAIMED = [{"name": t["function"]["name"], "description": "d", "input_schema": t["function"]["parameters"]} for t in TOOLS]
ADAPTIVE = {"type": "adaptive", "display": "summarized"}
QUESTION = {"role": "user", "content": "Flow?"}


def text(first, n):
    return "".join(WORDS[i % len(WORDS)] for i in range(first, first + n))


def joined(chunks, member):
    return "".join(c["choices"][0]["delta"].get(member) or "" for c in chunks if c["choices"])


def said(role, *texts):
    return {"role": role, "content": [{"type": "text", "text": t} for t in texts]}


def message_of(chunks):
    """What a client puts together from a stream."""
    pieces = [c for chunk in chunks if chunk["choices"] for c in chunk["choices"][0]["delta"].get("tool_calls", ())]
    calls = [p | {"function": p["function"] | {"arguments": ""}} for p in pieces if "id" in p]
    for piece in pieces:
        calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
    for call in calls:
        del call["index"]
    return {"role": "assistant", "content": joined(chunks, "content") or None, **({"tool_calls": calls} if calls else {})}


def results(message):
    return [{"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in message["tool_calls"]]


class Messages(unittest.TestCase):
    def serve(self, models, plan=None, base=None, start=True, **terms):
        """`terms`: of a model, by its name with _ for -."""
        self.mock = self.enterContext(Mock())
        endpoints = "".join(f'  {m}: {{upstream: up, model: "{m}", {TERMS}{terms.get(m.replace("-", "_"), "")}}}\n' for m in models)
        routes = "".join(f"  {m}: {{plan: [{m}]}}\n" for m in models) + (f"  r: {{plan: [{', '.join(plan)}]}}\n" if plan else "")
        base = self.mock.base_url if base is None else self.mock.base_url.removesuffix("/v1") + base
        self.weir = self.enterContext(Weir(upstream=base, local=False, endpoints=endpoints, routes=routes))
        self.weir.write_config(self.weir.config.read_text().replace("kind: openai_compatible", "kind: anthropic"))
        self.key = self.weir.account(credit="1000.00")
        if start:
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

    def refused(self, model, **members):
        n_before = len(self.mock.log())
        answer = self.weir.chat(self.key, model, **{"max_tokens": 100, **members})
        error = json.loads(answer.body)["error"]
        self.assertEqual((answer.status, error["type"]), (400, "invalid_request_error"), (members, answer))
        self.assertEqual(len(self.mock.log()), n_before, members)
        return error

    def asked(self, place=-1):
        return json.loads(self.mock.log()[place]["body"])

    def test_an_answer_and_its_charge(self):
        self.serve(["ok-n7-r3-c4"])
        whole = self.ask("ok-n7-r3-c4", reasoning_effort="high", metadata={"a": "b"}, user="u-1", stop=["END"], temperature=0.5)
        self.assertEqual(whole["object"], "chat.completion")
        self.assertTrue(whole["id"].startswith("chatcmpl-"), whole["id"])
        choice = whole["choices"][0]
        self.assertEqual((choice["message"]["content"], choice["message"]["reasoning_content"], choice["finish_reason"]),
                         (text(3, 7), text(0, 3), "stop"))
        self.assertEqual(self.asked(), {
            "model": "ok-n7-r3-c4", "max_tokens": 100, "messages": [said("user", "Hello")], "stream": False, "thinking": ADAPTIVE,
            "output_config": {"effort": "high"}, "stop_sequences": ["END"], "temperature": 0.5, "metadata": {"user_id": "u-1"}})
        headers = self.mock.log()[-1]["headers"]
        self.assertEqual((headers["x-api-key"], headers["anthropic-version"]), ("sk-upstream", "2023-06-01"))
        self.assertNotIn("authorization", headers)
        chunks = self.stream("ok-n7-r3-c4", reasoning_effort="high", stream_options={"include_usage": True})
        self.assertEqual((joined(chunks, "content"), joined(chunks, "reasoning_content")), (text(3, 7), text(0, 3)))
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual([c["choices"][0]["finish_reason"] for c in chunks[-3:-1]], [None, "stop"])
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertEqual(chunks[0]["service_tier"], "default")
        usage = whole["usage"]
        self.assertEqual(chunks[-1]["usage"], usage)
        self.assertEqual((usage["completion_tokens"], usage["prompt_tokens_details"]), (10, {"cached_tokens": 4}))
        tokens = {"input_uncached": usage["prompt_tokens"] - 4, "cache_read": 4, "output_answer": 10}
        self.assertEqual(self.weir.balance()[1:], (0, 2 * cost(tokens, PICO["remote"])))
        self.weir.verify()

    def test_byte_by_byte_and_without_usage(self):
        self.serve(["fault-12-n5", "fault-10-n5", "fault-9-n5", "ok-n90"])
        for model in ("fault-12-n5", "fault-10-n5", "fault-9-n5"):
            chunks = self.stream(model)
            self.assertEqual(joined(chunks, "content"), text(0, 5), model)
            self.assertTrue(all(chunk["choices"] and "usage" not in chunk for chunk in chunks), chunks[-1])
        chunks = self.stream("fault-10-n5", stream_options={"include_usage": True})
        self.assertGreater(chunks[-1]["usage"]["completion_tokens"], 0)  # by our own count
        self.assertEqual(self.stream("ok-n90", max_tokens=20)[-1]["choices"][0]["finish_reason"], "length")
        self.assertEqual(self.ask("ok-n90", max_tokens=20)["choices"][0]["finish_reason"], "length")
        self.weir.chat(self.key, "ok-n90")
        self.assertEqual(self.asked()["max_tokens"], 1000)  # which the vendor requires: the endpoint's default
        self.weir.verify()

    def test_counts_that_cannot_be(self):
        self.serve(["fault-11-n5", "fault-11-n5-absurd"])
        for model, stream in (("fault-11-n5", False), ("fault-11-n5", True), ("fault-11-n5-absurd", False), ("fault-11-n5-absurd", True)):
            before = self.weir.balance()[2]
            self.assertEqual(self.weir.chat(self.key, model, stream=stream, max_tokens=100).status, 200)
            n_prompt = self.mock.log()[-1]["prompt_tokens"]
            tokens = {"input_uncached": n_prompt, "output_answer": 100} if "absurd" in model else {}  # never above the hold
            self.assertEqual(self.weir.balance()[2] - before, cost(tokens, PICO["remote"]), (model, stream))
        self.weir.verify()

    def test_where_it_is_asked(self):
        for base in ("", "/v1", "/anthropic"):
            with self.subTest(base):
                self.serve(["ok-n1"], base=base)
                self.ask("ok-n1")
                self.weir.stop_cleanly(self)

    def test_caches_are_written_where_the_client_says_so(self):
        self.serve(["ok-n5"])
        control = {"type": "ephemeral"}
        part = {"type": "text", "text": "long", "cache_control": control}
        usage = self.ask("ok-n5", cache_control=control, messages=[{"role": "system", "content": [part]},
                                                                   {"role": "user", "content": "Hi", "cache_control": {**control, "ttl": "5m"}}],
                         tools=[TOOLS[0] | {"cache_control": control}, TOOLS[1]])["usage"]
        sent = self.asked()
        self.assertEqual((sent["system"], sent["cache_control"]), ([part], control))
        self.assertEqual(sent["messages"][0]["content"], [{"type": "text", "text": "Hi", "cache_control": {**control, "ttl": "5m"}}])
        self.assertEqual(sent["tools"], [{**CLAIMED[0], "cache_control": control}, CLAIMED[1]])
        self.assertEqual(self.weir.balance()[2], cost(
            {"input_uncached": usage["prompt_tokens"] - 2, "cache_write": 2, "output_answer": 5}, PICO["remote"]))
        hour = {**control, "ttl": "1h"}  # dearer, and no price says by how much
        for members, param in (({"cache_control": hour}, "cache_control"), ({"tools": [TOOLS[0] | {"cache_control": hour}]}, "tools[0].cache_control"),
                               ({"messages": [{"role": "user", "content": [{**part, "cache_control": hour}]}]}, "messages[0].content[0].cache_control")):
            self.assertEqual(self.refused("ok-n5", **members)["param"], param)

    def test_turns_and_parts(self):
        self.serve(["ok-n5"])
        url = "https://example.com/a.png"
        images = [{"type": "image_url", "image_url": {"url": u, "detail": "low"}} for u in ("data:image/PNG;base64,iVBORw0KGgo=", url)]
        foreign = {"id": "functions.flow:0", "type": "function", "function": {"name": "flow", "arguments": ""}}
        self.ask("ok-n5", messages=[
            {"role": "system", "content": "Be brief."}, QUESTION,
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "text", "text": ""}, *images]},
            {"role": "developer", "content": "Be kind."},
            {"role": "assistant", "content": "", "tool_calls": [foreign, {"id": "b", "type": "function", "function": {"name": "level", "arguments": '{"at":1}'}}]},
            {"role": "tool", "tool_call_id": foreign["id"], "content": "4"},
            {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "5"}]},
            {"role": "user", "content": "And?"}, {"role": "assistant", "content": "9", "refusal": "No."}, {"role": "user", "content": "Why?"}])
        sent = self.asked()
        self.assertEqual(sent["system"], said("", "Be brief.", "Be kind.")["content"])
        first, called, answered, told, last = sent["messages"]
        self.assertEqual(first, {"role": "user", "content": [
            {"type": "text", "text": "Flow?"}, {"type": "text", "text": "See"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
            {"type": "image", "source": {"type": "url", "url": url}}]})
        uses = called["content"]
        self.assertEqual([(u["type"], u["name"], u["input"]) for u in uses], [("tool_use", "flow", {}), ("tool_use", "level", {"at": 1})])
        self.assertRegex(uses[0]["id"], "^toolu_[0-9]+$")  # what other upstreams make is not taken there
        self.assertEqual(uses[1]["id"], "b")
        self.assertEqual(answered, {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": uses[0]["id"], "content": [{"type": "text", "text": "4"}]},
            {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "5"}]}, {"type": "text", "text": "And?"}]})
        self.assertEqual((told, last), (said("assistant", "9", "No."), said("user", "Why?")))

    def test_tools_and_formats(self):
        self.serve(["ok-n5"])
        named = {"type": "function", "function": {"name": "flow"}}
        for members, tools, choice in (
                ({}, CLAIMED, None), ({"tool_choice": "auto"}, CLAIMED, {"type": "auto"}), ({"tool_choice": "none"}, CLAIMED, {"type": "none"}),
                ({"tool_choice": "required", "parallel_tool_calls": True}, CLAIMED, {"type": "any"}),
                ({"tool_choice": named}, CLAIMED, {"type": "tool", "name": "flow"}),
                ({"parallel_tool_calls": False}, CLAIMED, {"type": "auto", "disable_parallel_tool_use": True}),
                ({"tool_choice": named, "parallel_tool_calls": False}, CLAIMED, {"type": "tool", "name": "flow", "disable_parallel_tool_use": True}),
                ({"tool_choice": "none", "parallel_tool_calls": False}, CLAIMED, {"type": "none"}),
                ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}}, CLAIMED[:1], {"type": "any"}),
                ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named]}}}, CLAIMED[:1], None)):
            self.ask("ok-n5", tools=TOOLS, **members)
            self.assertEqual((self.asked()["tools"], self.asked().get("tool_choice")), (tools, choice), members)
        schema = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "null"}}, "required": ["z", "a"], "additionalProperties": False}
        bare = {"type": "function", "function": {"name": "go"}}
        strict = {"type": "function", "function": {"name": "f", "strict": True, "parameters": schema}}
        self.ask("ok-n5", tools=[bare, strict], top_p=1, temperature=1, top_k=-1, n=1, service_tier="default", presence_penalty=0,
                 reasoning_effort="low", response_format={"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": schema}})
        sent = self.asked()
        self.assertEqual(sent["tools"], [{"name": "go", "input_schema": {"type": "object"}}, {"name": "f", "input_schema": schema, "strict": True}])
        self.assertEqual(sent["output_config"], {"effort": "low", "format": {"type": "json_schema", "schema": schema}})
        self.assertEqual(list(sent["output_config"]["format"]["schema"]["properties"]), ["z", "a"])  # as it came: caches know its bytes
        self.assertEqual(sent["service_tier"], "standard_only")
        for neutral in ("top_p", "temperature", "top_k", "metadata"):
            self.assertNotIn(neutral, sent)
        self.ask("ok-n5", top_k=5, top_p=0.5, safety_identifier="s", user="u")
        self.assertEqual([self.asked()[key] for key in ("top_k", "top_p", "metadata")], [5, 0.5, {"user_id": "s"}])

    def tool_loop(self, model, stream, **members):
        """The answer that calls, and the messages that go on."""
        if stream:
            chunks = self.stream(model, messages=[QUESTION], tools=TOOLS, **members)
            message, finish = message_of(chunks), chunks[-1]["choices"][0]["finish_reason"]
        else:
            choice = self.ask(model, messages=[QUESTION], tools=TOOLS, **members)["choices"][0]
            finish = choice["finish_reason"]
            message = {key: choice["message"].get(key) for key in ("role", "content", "tool_calls")}
        self.assertEqual((finish, message["content"]), ("tool_calls", "Let me see."))
        self.assertEqual([(c["id"], c["type"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message["tool_calls"]],
                         [("toolu_flow", "function", "flow", {"at": 1}), ("toolu_level", "function", "level", {})])
        return [QUESTION, message, *results(message)]

    def test_a_tool_loop_brings_the_signed_reasoning_back(self):
        self.serve(["fault-13-n5-r2"])
        other = self.weir.account("other")
        for stream in (False, True):
            messages = self.tool_loop("fault-13-n5-r2", stream, reasoning_effort="high")
            n_asked = len(self.mock.log())
            for key in (self.key, other):
                reply = self.ask("fault-13-n5-r2", key, messages=messages, tools=TOOLS, reasoning_effort="high")
                self.assertEqual(reply["choices"][0]["message"]["content"], text(2, 5))
            ours, others = (json.loads(entry["body"])["messages"] for entry in self.mock.log()[n_asked:])
            signed = {"type": "thinking", "thinking": text(0, 2), "signature": f"signed-{n_asked}"}
            self.assertEqual(ours[1]["content"][0], signed)
            self.assertEqual(ours[1]["content"][1:], others[1]["content"])
            self.assertEqual([b["type"] for b in others[1]["content"]], ["text", "tool_use", "tool_use"])
            self.assertEqual((ours[0], ours[2]), (others[0], others[2]))
            # Words of the client's own: the reasoning still goes first.
            edited = [QUESTION, messages[1] | {"content": "I look."}, *messages[2:]]
            self.ask("fault-13-n5-r2", messages=edited, tools=TOOLS, reasoning_effort="high")
            self.assertEqual([b["type"] for b in self.asked()["messages"][1]["content"]], ["thinking", "text", "tool_use", "tool_use"])
            self.ask("fault-13-n5-r2", messages=messages, tools=TOOLS)  # which does not think
            self.assertEqual(self.asked()["messages"], others)
        self.weir.verify()

    def test_a_budget_is_not_thought_without_its_signed_reasoning(self):
        like = ", thinking: {like: claude-4.5%s}"
        self.serve(["fault-13-n5-r2", "fault-13-n5"], fault_13_n5_r2=like % "", fault_13_n5=like % ", replay: required")
        low = {"reasoning_effort": "low", "max_tokens": 2000}
        for model in ("fault-13-n5-r2", "fault-13-n5"):
            messages = self.tool_loop(model, True, **low)
            self.assertEqual(self.asked()["thinking"], {"type": "enabled", "budget_tokens": 1024})
            self.ask(model, messages=messages, tools=TOOLS, **low)
            self.assertEqual(self.asked()["messages"][1]["content"][0]["type"], "thinking")
            # A second round of the same turn, of which the vendor wants the first round's.
            again = {"role": "assistant", "content": None, "tool_calls": [
                {"id": "toolu_again", "type": "function", "function": {"name": "flow", "arguments": "{}"}}]}
            self.ask(model, messages=[*messages, again, *results(again)], tools=TOOLS, **low)
            self.assertIn("thinking", self.asked())
        other = self.weir.account("other")
        answer = self.weir.chat(other, "fault-13-n5-r2", messages=messages, tools=TOOLS, **low)
        self.assertEqual((answer.status, answer.field("x-weir-reasoning")), (200, "none; requested=low; reason=unsupported"))
        self.assertNotIn("thinking", self.asked())
        strict = self.weir.run("key", "create", "--account", "other", "--label", "thinking=strict").stdout.strip()
        for key, model, code in ((other, "fault-13-n5", "missing_required_parameter"), (strict, "fault-13-n5-r2", "unsupported_value")):
            answer = self.weir.chat(key, model, messages=messages, tools=TOOLS, **low)
            self.assertEqual((answer.status, answer.error()["code"]), (400, code))

    def test_what_has_no_counterpart_is_refused_before_anything_is_sent(self):
        self.serve(["ok-n5"])
        form = {"type": "json_schema", "json_schema": {"name": "s"}}
        for members, word in (({"n": 2}, "n above 1"), ({"seed": 1}, "seed"), ({"logit_bias": {"5": 1}}, "logit_bias"),
                              ({"presence_penalty": 1}, "presence_penalty"), ({"frequency_penalty": 1}, "frequency_penalty"),
                              ({"repetition_penalty": 1.1}, "repetition_penalty"), ({"min_p": 0.1}, "min_p"), ({"logprobs": True}, "logprobs"),
                              ({"temperature": 1.5}, "temperature above 1"), ({"verbosity": "low"}, "verbosity"), ({"stop": [" "]}, "stop"),
                              ({"prediction": {"type": "content", "content": "x"}}, "prediction"), ({"response_format": form}, "schema"),
                              ({"response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "json"}]}, "json_object"),
                              ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "custom"),
                              ({"tools": TOOLS, "tool_choice": "required", "reasoning_effort": "low"}, "tool_choice")):
            error = self.refused("ok-n5", **members)
            self.assertEqual(error["code"], "unsupported_parameter", members)
            self.assertIn(word, error["message"], members)
        def call(arguments):
            return [QUESTION, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]},
                    {"role": "tool", "tool_call_id": "a", "content": "1"}]
        def image(url):
            return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
        place = "messages[1].tool_calls[0].function.arguments"
        for messages, param in ((call("[1]"), place), (call('{"a":'), place), (call('{"a":' * 5000 + "1" + "}" * 5000), place),
                                ([{"role": "system", "content": "Hi"}], "messages"), ([{"role": "user", "content": ""}], "messages"),
                                (image("http://example.com/a.png"), "messages[0].content[0].image_url.url"),
                                (image("data:image/bmp;base64,aaaa"), "messages[0].content[0].image_url.url"),
                                ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "aa", "format": "wav"}}]}],
                                 "messages[0].content[0].type"),
                                ([QUESTION, {"role": "function", "name": "f", "content": "1"}], "messages[1].role")):
            self.assertEqual(self.refused("ok-n5", messages=messages)["param"], param)
        self.assertEqual(self.weir.balance()[1:], (0, 0))

    def test_what_no_upstream_of_this_kind_can_goes_to_the_next(self):
        self.serve(["ok-n5"], plan=["ok-n5", "mock"], start=False)
        text = self.weir.config.read_text()
        self.assertIn("  mock: {upstream: up", text)
        self.weir.write_config(text.replace("upstreams:\n", f'upstreams:\n  open: {{kind: openai_compatible, base_url: "{self.mock.base_url}"}}\n')
                               .replace("  mock: {upstream: up", "  mock: {upstream: open"))
        self.weir.start()
        for members, endpoint in (({}, "ok-n5"), ({"seed": 1}, "mock")):
            answer = self.weir.chat(self.key, "r", max_tokens=20, **members)
            self.assertEqual((answer.status, answer.field("x-weir-endpoint")), (200, endpoint), answer)

    def test_failures(self):
        early = {"fault-3": (429, "rate_limit_exceeded"), "fault-4": (502, "upstream_error"), "fault-5": (503, "upstream_unavailable"),
                 "fault-400": (400, "context_length_exceeded"), "fault-402": (503, "upstream_unavailable"), "fault-403": (503, "upstream_unavailable"),
                 "fault-404": (503, "upstream_unavailable"), "fault-413": (413, None), "fault-504": (502, "upstream_error"),
                 "fault-529": (503, "overloaded")}
        late = ("fault-14-k2", "fault-7-k2", "fault-15-k2")
        self.serve([*early, *late, "fault-14-k0", "ok-n5"], plan=["fault-529", "fault-14-k0", "ok-n5"])
        for model, (status, code) in early.items():
            for stream in (False, True):
                answer = self.weir.chat(self.key, model, max_tokens=20, stream=stream)
                self.assertEqual((answer.status, answer.error()["code"]), (status, code), (model, answer))
                if model in ("fault-3", "fault-529"):
                    self.assertEqual(answer.field("retry-after"), "7")
        for model in late:
            answer = self.weir.chat(self.key, model, max_tokens=20, stream=True)
            self.assertIn("error", answer.chunks()[-1], model)
        answer = self.weir.chat(self.key, "r", max_tokens=20, stream=True)  # nothing of the first two was seen
        self.assertEqual((answer.status, answer.field("x-weir-endpoint")), (200, "ok-n5"))
        told = json.loads(self.weir.run("check", "--explain", "ok-n5", "--json").stdout)
        self.assertEqual(told["plan"][0]["api"], "messages")
        self.assertEqual(self.weir.balance()[1], 0)
        self.weir.verify()
        self.weir.stop_cleanly(self)


if __name__ == "__main__":
    unittest.main()
