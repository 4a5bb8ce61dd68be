"""What becomes of thinking that cannot be had as it was asked for: errors, visible degradation, strict keys."""
import json
import unittest

from mock import Mock
from weir import Weir

ENDPOINT = '  {name}: {{upstream: {upstream}, model: "{model}", n_ctx: 1000000, output_tokens_max: 100000, price: house{more}}}\n'


class Thinking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())
        endpoints = [("gpt", "openai", "gpt-5.5", ""), ("ds", "deepseek", "deepseek-v4-flash", ""),
                     ("kimi", "compatible", "kimi-k2.6", ""), ("claude", "compatible", "claude-haiku-4-5", ""),
                     ("broken", "openai", "fault-3", ""),
                     ("open", "compatible", "ok", ", thinking: {like: openrouter}"),
                     ("plain", "compatible", "ok", ', thinking: {like: enable_thinking, none: omit, ignored_params: [temperature]}'),
                     ("own", "compatible", "ok", ", thinking: {like: deepseek, spelling: reasoning, max: high, budget: refuse, replay: required}")]
        routes = "".join(f"  {name}: {{plan: [{name}]}}\n" for name, *_ in endpoints)
        routes += "  brings: {plan: [own, gpt]}\n  ignoring: {plan: [ignoring]}\n  falls: {plan: [broken, ds]}\n  chooses: {plan: [ds, gpt]}\n  off: {plan: [gpt], aliases: [chat-off], thinking: none}\n"
        cls.weir = cls.enterClassContext(Weir(routes=routes, endpoints="".join(
            ENDPOINT.format(name=name, upstream=upstream, model=model, more=more) for name, upstream, model, more in endpoints)
            + "  ignoring: {engine: v4, price: house, thinking: {ignored_params: [temperature, top_p]}}\n"))
        cls.weir.write_config(cls.weir.config.read_text().replace("endpoints:\n", "upstreams:\n" + "".join(
            f'  {name}: {{kind: {kind}, base_url: "{cls.mock.base_url}", api_key: k}}\n'
            for name, kind in (("openai", "openai"), ("deepseek", "deepseek"), ("compatible", "openai_compatible"))) + "endpoints:\n", 1))
        cls.key = cls.weir.account(credit="1000.00")
        cls.strict = cls.weir.run("key", "create", "--account", "demo", "--label", "thinking=strict").stdout.strip()
        cls.weir.start()

    def ask(self, model, key=None, stream=False, max_tokens=5, **members):
        """The answer, and the body that reached the upstream last."""
        answer = self.weir.chat(key or self.key, model, stream, max_tokens=max_tokens, **members)
        self.assertEqual(answer.status, 200, answer)
        return answer, json.loads(self.mock.log()[-1]["body"])

    def refused(self, code, param, model, key=None, **members):
        n_before = len(self.mock.log())
        answer = self.weir.chat(key or self.key, model, **{"max_tokens": 5, **members})
        self.assertEqual(answer.status, 400, answer)
        error = answer.error()
        self.assertEqual((error["type"], error["code"], error["param"]), ("invalid_request_error", code, param), answer)
        self.assertEqual(len(self.mock.log()), n_before)
        return error["message"]

    def test_a_stream_says_it_again_at_its_end(self):
        told = "high; requested=xhigh; reason=unsupported"
        for include in (False, True):
            answer, _ = self.ask("ds", stream=True, reasoning_effort="xhigh",
                                 **({"stream_options": {"include_usage": True}} if include else {}))
            self.assertEqual(answer.field("x-weir-reasoning"), told)
            tail = answer.body.decode().split("\n\n")[-3:]
            self.assertIn(told, tail[0])
            self.assertEqual(tail[1:], ["data: [DONE]", ""])
            self.assertEqual(tail[0].startswith(": "), not include)
        answer, _ = self.ask("ds", reasoning_effort="xhigh")
        self.assertEqual(answer.json()["usage"]["weir_reasoning"], told)
        # As asked for: nothing is added.
        for stream in (False, True):
            answer, _ = self.ask("ds", stream=stream, reasoning_effort="high")
            self.assertNotIn(b"weir", answer.body)

    def test_the_tier_of_the_one_that_answered(self):
        answer, _ = self.ask("falls", reasoning_effort="medium")
        self.assertEqual((answer.field("x-weir-endpoint"), answer.field("x-weir-reasoning")),
                         ("ds", "high; requested=medium; reason=unsupported"))

    def test_a_strict_key(self):
        for members in ({"reasoning_effort": "medium"}, {"thinking_budget": 3}, {"temperature": 0.5}):
            self.refused("unsupported_value", "reasoning_effort", "ds", self.strict, **members)
            self.ask("ds", **members)
        self.ask("ds", self.strict, reasoning_effort="max")
        answer, _ = self.ask("chooses", self.strict, reasoning_effort="medium")
        self.assertEqual((answer.field("x-weir-endpoint"), answer.field("x-weir-reasoning")), ("gpt", "medium"))
        answer, _ = self.ask("chooses", reasoning_effort="medium")
        self.assertEqual(answer.field("x-weir-endpoint"), "ds")

    def test_the_strongest_tier_has_no_room(self):
        answer = self.weir.chat(self.key, reasoning_effort="max", max_tokens=1)
        self.assertEqual(answer.field("x-weir-reasoning"), "high; requested=max; reason=context")
        self.assertEqual(answer.json()["usage"]["weir_reasoning"], "high; requested=max; reason=context")
        self.refused("unsupported_value", "reasoning_effort", "deepseek-v4", self.strict, reasoning_effort="max")

    def test_parameters_that_a_model_does_not_bear(self):
        sampling = {"temperature": 0.5, "top_p": 0.9, "presence_penalty": 0.1}
        for model, effort, left, told in (
                ("gpt", "low", {}, "low; dropped=temperature,top_p,presence_penalty"),
                ("gpt", "none", sampling, "none"),
                ("ds", "low", {"top_p": 0.9}, "low; dropped=temperature,presence_penalty"),
                ("kimi", "none", {}, "none; dropped=temperature,top_p,presence_penalty"),
                ("claude", "none", sampling, "none")):
            with self.subTest(model=model, effort=effort):
                answer, body = self.ask(model, reasoning_effort=effort, **sampling)
                self.assertEqual(answer.field("x-weir-reasoning"), told)
                self.assertEqual({key: body[key] for key in sampling if key in body}, left)
        # The effort is never changed to make a parameter legal, nor a parameter dropped that the answer needs.
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
        forced = {"type": "function", "function": {"name": "f"}}
        self.refused("unsupported_parameter", "logprobs", "gpt", logprobs=True)
        self.ask("gpt", logprobs=True, reasoning_effort="none")
        for choice in ("required", forced):
            self.refused("unsupported_parameter", "tool_choice", "kimi", tools=tools, tool_choice=choice)
            self.refused("unsupported_parameter", "tool_choice", "claude", tools=tools, tool_choice=choice,
                         reasoning_effort="low", max_tokens=5000)
            self.ask("kimi", tools=tools, tool_choice=choice, reasoning_effort="none")
            self.ask("claude", tools=tools, tool_choice=choice)
        self.ask("kimi", tools=tools, tool_choice="auto")
        self.refused("unsupported_parameter", "n", "kimi", n=2)

    def test_budgets_and_output_limits(self):
        for model in ("gpt", "ds", "claude", "deepseek-v4"):
            self.refused("invalid_value", "thinking_budget", model, thinking_budget=2000, max_tokens=2000)
        # The least that this model thinks does not fit; nor is it asked for less.
        self.refused("invalid_value", "thinking_budget", "claude", reasoning_effort="low", max_tokens=1024)
        self.refused("unsupported_value", "thinking_budget", "own", thinking_budget=3)
        _, body = self.ask("open", thinking_budget=3)
        self.assertEqual(body["reasoning"], {"max_tokens": 3})

    def test_tables_of_an_endpoints_own(self):
        for model, members, sent, told in (
                ("open", {"reasoning_effort": "max"}, {"reasoning": {"effort": "xhigh"}}, "xhigh; requested=max; reason=unsupported"),
                ("plain", {"think": True}, {"chat_template_kwargs": {"enable_thinking": True}}, "high"),
                ("plain", {"reasoning_effort": "none"}, {}, "none"),
                ("plain", {"think": True, "temperature": 1}, {"chat_template_kwargs": {"enable_thinking": True}}, "high; dropped=temperature"),
                ("own", {"reasoning_effort": "max"}, {"reasoning": {"effort": "high"}}, "high; requested=max; reason=unsupported")):
            with self.subTest(model=model, members=members):
                answer, body = self.ask(model, **members)
                self.assertEqual({key: body[key] for key in ("reasoning", "chat_template_kwargs", "thinking", "reasoning_effort")
                                  if key in body}, sent)
                self.assertEqual(answer.field("x-weir-reasoning"), told)

    def test_reasoning_of_earlier_calls(self):
        call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]

        def messages(**of_call):
            return [{"role": "user", "content": "a"}, {"role": "assistant", "content": None, "tool_calls": [call], **of_call},
                    {"role": "tool", "tool_call_id": "1", "content": "b"}]
        for of_call, sent, told in (({}, "not available", "high; filled=reasoning_content"),
                                    ({"reasoning_content": ""}, "not available", "high; filled=reasoning_content"),
                                    ({"reasoning": "why"}, "why", "high"), ({"reasoning_content": "why"}, "why", "high")):
            for model in ("ds", "kimi"):
                with self.subTest(model=model, of_call=of_call):
                    answer, body = self.ask(model, messages=messages(**of_call), tools=tools)
                    self.assertEqual(answer.field("x-weir-reasoning"), told)
                    self.assertEqual(body["messages"], messages(reasoning_content=sent))
        # Without thinking it is not asked for; nor at models that have no such rule.
        for model, members in (("ds", {"think": False}), ("gpt", {"think": False}), ("plain", {})):
            _, body = self.ask(model, messages=messages(), tools=tools, **members)
            self.assertEqual(body["messages"], messages())
        self.refused("unsupported_value", "reasoning_effort", "ds", self.strict, messages=messages(), tools=tools)
        self.refused("missing_required_parameter", "messages", "own", messages=messages(), tools=tools)
        answer, _ = self.ask("brings", messages=messages(), tools=tools)
        self.assertEqual(answer.field("x-weir-endpoint"), "gpt")

    def test_an_engine_told_to_ignore_sampling(self):
        prompt = [{"role": "user", "content": "Tell me about weirs"}]
        texts = set()
        for temperature in (0, 2):
            answer = self.weir.chat(self.key, "ignoring", messages=prompt, temperature=temperature, top_p=0.1, seed=5, max_tokens=8)
            self.assertEqual(answer.field("x-weir-reasoning"), "high; dropped=temperature,top_p")
            texts.add(json.dumps(answer.json()["choices"][0]["message"]))
        self.assertEqual(len(texts), 1)
        answer = self.weir.chat(self.key, messages=prompt, temperature=0, max_tokens=8)
        self.assertEqual(answer.field("x-weir-reasoning"), "high")

    def test_the_model_list_says_the_default(self):
        listed = {model["id"]: model["default_reasoning_effort"] for model in self.weir.get("/v1/models", self.key).json()["data"]}
        self.assertEqual([listed[name] for name in ("gpt", "ds", "claude", "off", "deepseek-v4")],
                         ["medium", "high", "none", "none", "high"])

    def test_a_routes_own_tier_is_the_weakest(self):
        for model in ("off", "chat-off"):
            answer, body = self.ask(model)
            self.assertEqual((answer.field("x-weir-reasoning"), body["reasoning_effort"]), ("none", "none"))
            answer, body = self.ask(model, think=True)
            self.assertEqual((answer.field("x-weir-reasoning"), body["reasoning_effort"]), ("medium", "medium"))
        told = json.loads(self.weir.run("check", "--explain", "off", "--json").stdout)
        self.assertEqual(told["plan"][0]["reasoning"], "none")
        told = json.loads(self.weir.run("check", "--explain", "chooses", "--effort", "medium", "--json").stdout)
        self.assertEqual([step["reasoning"] for step in told["plan"]], ["high; requested=medium; reason=unsupported", "medium"])

    def test_words_that_are_none_and_contradictions(self):
        for members, code, param in (
                ({"reasoning_effort": "High"}, "invalid_value", "reasoning_effort"),
                ({"reasoning_effort": 3}, "invalid_type", "reasoning_effort"),
                ({"thinking_budget": 1.5}, "invalid_type", "thinking_budget"),
                ({"reasoning_effort": "low", "thinking_budget": 3}, "conflicting_reasoning_controls", "thinking_budget"),
                ({"think": False, "reasoning_effort": "low"}, "conflicting_reasoning_controls", "think")):
            message = self.refused(code, param, "gpt", **members)
            if code == "invalid_value":
                for word in ("none", "minimal", "low", "medium", "high", "xhigh", "max"):
                    self.assertIn(f"'{word}'", message)


if __name__ == "__main__":
    unittest.main()
