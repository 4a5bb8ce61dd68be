"""One request, from the client to the ledger, by both roads, streamed and not."""
import json
import unittest

import wire
from mock import Mock
from weir import PICO, Weir, cost, metric, nano

ROADS = ("deepseek-v4", "mock")
ENDPOINT = {"deepseek-v4": "local-v4", "mock": "mock"}


class Walk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())
        cls.weir = cls.enterClassContext(Weir(upstream=cls.mock.base_url))
        cls.key = cls.weir.account()
        cls.weir.start()

    def chat(self, model, **members):
        answer = self.weir.chat(self.key, model, **members)
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.complete, answer)
        return answer

    def test_unstreamed(self):
        for model in ROADS:
            with self.subTest(model):
                answer = self.chat(model, max_tokens=12)
                self.assertEqual(answer.field("content-type").split(";")[0], "application/json")
                self.assertTrue(answer.field("x-request-id"))
                body = answer.json()
                self.assertEqual(body["object"], "chat.completion")
                self.assertTrue(body["id"].startswith("chatcmpl-"))
                self.assertEqual(len(body["choices"]), 1)
                self.assertEqual(body["choices"][0]["message"]["role"], "assistant")
                self.assertIn(body["choices"][0]["finish_reason"], ("stop", "length"))
                usage = body["usage"]
                self.assertGreater(usage["prompt_tokens"], 0)
                self.assertGreater(usage["completion_tokens"], 0)
                self.assertLessEqual(usage["completion_tokens"], 12)
                self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])

    def test_streamed(self):
        for model in ROADS:
            with self.subTest(model):
                answer = self.chat(model, stream=True, max_tokens=12)
                self.assertTrue(answer.field("content-type").startswith("text/event-stream"))
                self.assertIsNone(answer.field("content-length"))
                self.assertIsNone(answer.field("content-encoding"))
                self.assertTrue(answer.body.endswith(b"data: [DONE]\n\n"))
                self.assertTrue(answer.done())
                chunks = answer.chunks()
                for member in ("id", "created", "model", "object"):
                    self.assertEqual(len({chunk[member] for chunk in chunks}), 1, member)
                self.assertEqual(chunks[0]["object"], "chat.completion.chunk")
                choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
                self.assertEqual([c["delta"].get("role") for c in choices].count("assistant"), 1)
                self.assertEqual(choices[0]["delta"].get("role"), "assistant")
                reasons = [c["finish_reason"] for c in choices if c["finish_reason"]]
                self.assertEqual(len(reasons), 1)
                self.assertIn(reasons[0], ("stop", "length"))
                self.assertFalse(any(chunk.get("usage") for chunk in chunks), "usage was not asked for")

    def test_usage_chunk(self):
        for model in ROADS:
            with self.subTest(model):
                answer = self.chat(model, stream=True, max_tokens=12, stream_options={"include_usage": True})
                chunks = answer.chunks()
                self.assertEqual(chunks[-1]["choices"], [])
                self.assertGreater(chunks[-1]["usage"]["completion_tokens"], 0)
                self.assertTrue(all(chunk["usage"] is None for chunk in chunks[:-1]))

    def test_streamed_and_unstreamed_say_the_same(self):
        for model in ROADS:
            with self.subTest(model):
                members = {"max_tokens": 16, "temperature": 0, "reasoning_effort": "none"}
                message = self.chat(model, **members).json()["choices"][0]["message"]
                chunks = self.chat(model, stream=True, **members).chunks()
                deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
                self.assertEqual("".join(d.get("content") or "" for d in deltas), message["content"] or "")

    def test_a_call_from_the_question_to_the_answer(self):
        """The random model writes anything: what it is held to shows, not what it knows."""
        tools = [{"type": "function", "function": {"name": name, "parameters": {
            "type": "object", "properties": properties, "additionalProperties": False}}}
            for name, properties in (("get_time", {}), ("get_flag", {"on": {"type": "boolean"}}))]
        for name in ("get_time", "get_flag"):
            with self.subTest(name):
                members = {"tools": tools, "tool_choice": {"type": "function", "function": {"name": name}},
                           "max_tokens": 400, "temperature": 0, "reasoning_effort": "none"}
                body = self.chat("deepseek-v4", **members).json()
                choice = body["choices"][0]
                self.assertEqual(choice["finish_reason"], "tool_calls")
                self.assertIsNone(choice["message"]["content"])
                (call,) = choice["message"]["tool_calls"]
                self.assertRegex(call["id"], "^call_[A-Za-z0-9]{24}$")
                self.assertEqual((call["type"], call["function"]["name"]), ("function", name))
                arguments = json.loads(call["function"]["arguments"])
                self.assertLessEqual(arguments.keys(), {"on"})
                self.assertTrue(all(isinstance(value, bool) for value in arguments.values()))

                chunks = self.chat("deepseek-v4", stream=True, **members).chunks()
                deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
                self.assertIsNone(deltas[0]["content"])
                pieces = [piece for delta in deltas for piece in delta.get("tool_calls", [])]
                self.assertEqual({piece["index"] for piece in pieces}, {0})
                self.assertEqual([piece["function"]["name"] for piece in pieces if "id" in piece], [name])
                self.assertEqual("".join(piece["function"]["arguments"] for piece in pieces),
                                 call["function"]["arguments"])
                self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "tool_calls")

                question = {"role": "user", "content": "Hello"}
                result = {"role": "tool", "tool_call_id": call["id"], "content": "noon"}
                again = self.chat("deepseek-v4", messages=[question, choice["message"], result], tools=tools,
                                  tool_choice="none", max_tokens=4, reasoning_effort="none").json()
                # What the model wrote stands in the prompt, a bit of text around it besides.
                written = body["usage"]["completion_tokens"]
                self.assertGreater(again["usage"]["prompt_tokens"], body["usage"]["prompt_tokens"] + written)
                self.assertNotIn("tool_calls", again["choices"][0]["message"])

    def test_tools_that_the_engine_cannot_hold(self):
        answer = self.weir.chat(self.key, "deepseek-v4", tools=[{"type": "custom", "custom": {"name": "f"}}])
        self.assertEqual((answer.status, answer.error()["code"]), (400, "unsupported_parameter"))

    def test_a_connection_serves_many(self):
        with wire.Connection(self.weir.api) as connection:
            for model in ROADS * 3:
                for stream in (False, True):
                    body = json.dumps({"model": model, "stream": stream, "max_tokens": 2,
                                       "messages": [{"role": "user", "content": "Hi"}]}).encode()
                    connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(self.key), body))
                    answer = connection.answer()
                    self.assertEqual(answer.status, 200)
                    self.assertTrue(answer.complete)

    def test_models(self):
        listed = self.weir.get("/v1/models", self.key).json()
        self.assertEqual(listed["object"], "list")
        self.assertLessEqual({"deepseek-v4", "mock"}, {model["id"] for model in listed["data"]})
        one = self.weir.get("/v1/models/deepseek-v4", self.key)
        self.assertEqual((one.status, one.json()["id"], one.json()["object"]), (200, "deepseek-v4", "model"))
        missing = self.weir.get("/v1/models/nothing", self.key)
        self.assertEqual((missing.status, missing.error()["code"]), (404, "model_not_found"))

    def test_the_tier_that_answered_is_said(self):
        for effort in ("none", "low", "high", "max"):
            answer = self.chat("deepseek-v4", max_tokens=4, reasoning_effort=effort)
            self.assertTrue(answer.field("x-weir-reasoning"), effort)
        silent = self.chat("deepseek-v4", max_tokens=4)
        self.assertTrue(silent.field("x-weir-reasoning"))

    def test_a_thinking_budget_is_kept(self):
        for budget, n_max, said in ((7, 200, "high; budget=7"), (150, 200, "high; budget=136; requested=150; reason=budget")):
            answer = self.chat("deepseek-v4", max_tokens=n_max, thinking_budget=budget, seed=1)
            self.assertEqual((answer.status, answer.field("x-weir-reasoning")), (200, said), answer)
            usage = answer.json()["usage"]
            self.assertGreater(usage["completion_tokens_details"]["reasoning_tokens"], 0)
            self.assertLessEqual(usage["completion_tokens_details"]["reasoning_tokens"], min(budget, n_max - 64))

    def test_the_service_tier_that_answered_is_said(self):
        for tier in ("auto", "default", "flex"):
            answer = self.chat("deepseek-v4", max_tokens=4, service_tier=tier)
            self.assertEqual(answer.json()["service_tier"], "flex" if tier == "flex" else "default")
        refused = self.weir.chat(self.key, "mock", max_tokens=4, service_tier="flex")
        self.assertEqual((refused.status, refused.error()["code"]), (400, "unsupported_parameter"))

    def test_a_key_may_come_by_other_names(self):
        for fields in ([("authorization", f"bearer   {self.key}")], [("x-api-key", self.key)], [("api-key", self.key)]):
            with self.subTest(fields[0][0]):
                self.assertEqual(wire.request(self.weir.api, "GET", "/v1/models", fields).status, 200)

    def test_health(self):
        self.assertEqual(self.weir.get("/healthz").status, 200)
        self.assertEqual(self.weir.get("/readyz").status, 200)


class Books(unittest.TestCase):
    """The ledger, the report, the clients' usage, the mock's log and the engine's counters are one truth."""

    def test_everybody_counts_the_same(self):
        with Mock() as mock, Weir(upstream=mock.base_url) as weir:
            keys = {name: weir.account(name) for name in ("ann", "bob")}
            weir.start()
            told = {}  # (account, endpoint) -> [requests, prompt, completion, reasoning, nano-dollars]
            for i, (name, key) in enumerate(list(keys.items()) * 4):
                for model in ROADS:
                    members = {"model": model, "max_tokens": 5 + i}
                    if i % 2:
                        members |= {"stream": True, "stream_options": {"include_usage": True}}
                    answer = weir.chat(key, **members)
                    self.assertEqual(answer.status, 200, answer)
                    usage = answer.chunks()[-1]["usage"] if i % 2 else answer.json()["usage"]
                    row = told.setdefault((name, ENDPOINT[model]), [0, 0, 0, 0, 0])
                    for column, value in enumerate(self.figures(model, usage)):
                        row[column] += value

            rows = {(row["account"], row["endpoint"]): row for row in weir.report("--by", "account,endpoint")}
            self.assertEqual(set(rows), set(told))
            for who, (requests, prompt, completion, reasoning, charged) in told.items():
                row = rows[who]
                self.assertEqual(row["requests"], requests, who)
                self.assertEqual(row["input_uncached"] + row["cache_read"] + row["cache_write"], prompt, who)
                self.assertEqual(row["output_answer"] + row["output_reasoning"], completion, who)
                self.assertEqual(row["output_reasoning"], reasoning, who)
                self.assertEqual(nano(row["usd"]), charged, who)
            for name in keys:
                funds, reserved, spent = weir.balance(name)
                self.assertEqual((funds, reserved), (10 * 10**9, 0))
                self.assertEqual(spent, sum(row[4] for (who, _), row in told.items() if who == name))

            samples = weir.scrape()
            local = [row for (_, endpoint), row in told.items() if endpoint == "local-v4"]
            self.assertEqual(metric(samples, "weir_engine_prefill_tokens_total") + metric(samples, "weir_engine_cached_tokens_total"),
                             sum(row[1] for row in local))
            self.assertEqual(metric(samples, "weir_engine_decode_tokens_total"), sum(row[2] for row in local))
            for endpoint in ENDPOINT.values():
                self.assertEqual(metric(samples, "weir_tokens_total", endpoint=endpoint),
                                 sum(row[1] + row[2] for (_, e), row in told.items() if e == endpoint))
            self.check_mock(mock, [row for (_, endpoint), row in told.items() if endpoint == "mock"])
            weir.verify()
            weir.stop_cleanly(self)
            weir.verify()

    def test_what_an_account_asked_before_is_cheaper(self):
        with Weir() as weir:
            keys = [weir.account(name) for name in ("first", "second")]
            weir.start()
            said, figures = [], []
            for key in (keys[0], keys[0], keys[1]):
                answer = weir.chat(key, messages=[{"role": "user", "content": "Water. " * 300}], max_tokens=5, seed=3)
                self.assertEqual(answer.status, 200, answer)
                said.append(answer.json()["choices"][0]["message"]["content"])
                figures.append(answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"])
            self.assertEqual(said, said[:1] * 3)
            self.assertEqual((figures[0], figures[2]), (0, 0))  # another account's prompts are not reused
            self.assertGreaterEqual(figures[1], 128)
            rows = {row["account"]: row for row in weir.report("--by", "account")}
            self.assertEqual(rows["first"]["cache_read"], figures[1])
            self.assertEqual(rows["second"]["cache_read"], 0)
            samples = weir.scrape()
            self.assertEqual(metric(samples, "weir_engine_cached_tokens_total"), figures[1])
            self.assertGreater(metric(samples, "weir_engine_prefix_cache_bytes"), 0)
            weir.stop_cleanly(self)

    @staticmethod
    def figures(model, usage):
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        tokens = {"input_uncached": usage["prompt_tokens"] - cached, "cache_read": cached,
                  "output_answer": usage["completion_tokens"] - reasoning, "output_reasoning": reasoning}
        pico = PICO["house" if model == "deepseek-v4" else "remote"]
        return 1, usage["prompt_tokens"], usage["completion_tokens"], reasoning, cost(tokens, pico)

    def check_mock(self, mock, rows):
        log = mock.log()
        self.assertEqual(len(log), sum(row[0] for row in rows))
        self.assertEqual(sum(entry["prompt_tokens"] for entry in log), sum(row[1] for row in rows))
        self.assertEqual(sum(entry["output_tokens"] for entry in log), sum(row[2] for row in rows))
