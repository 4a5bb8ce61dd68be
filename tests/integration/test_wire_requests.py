"""Rows C: what a request to /v1/chat/completions may say, and how a fault in it is told."""
import json
import time

import wire
from conformance import CHAT, HI, Conformance, accepted, all_of, bad, bad_body, table
from scripted import answer, completion


def says(*messages):
    return {"messages": list(messages)}


def user(content):
    return says({"role": "user", "content": content})


def json_schema(schema, **members):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, **members}}}


def any_400(*bodies):
    """Each is refused, whatever the words."""
    def case(test):
        for body in bodies:
            with test.subTest(body[:40]):
                reply = test.post(body)
                test.assertEqual((reply.status, reply.error()["type"]), (400, "invalid_request_error"), reply)
        test.assertEqual(test.upstream.asked, [])
    return case


PARSE = "We could not parse the JSON body of your request."
NO_MODEL = "you must provide a model parameter"
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TEXT = {"type": "text", "text": "What is this?"}
ONCE = b'{"model":"chat","messages":[{"role":"user","content":"Hi"}]}'


@table({
    "C04 empty body": bad_body(b"{}", None, None, NO_MODEL),
    "C05 empty model": bad({"model": ""}, None, None, NO_MODEL),
    "C05 null model": bad({"model": None}, None, None, NO_MODEL),
    "C07 model only": bad_body(b'{"model":"chat"}', "missing_required_parameter", "messages"),
    "C08 no messages": bad(says(), "empty_array", "messages",
                           "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty "
                           "array instead."),
    "C09 messages a string": bad({"messages": "Hi"}, "invalid_type", "messages",
                                 "expected an array of objects, but got a string instead"),
    "C10 a number as message": bad(says(7), "invalid_type", "messages[0]"),
    "C11 a number as content": bad(user(7), "invalid_type", "messages[0].content", "one of a string or array of objects"),
    "C12 no role": bad(says({"content": "Hi"}), "missing_required_parameter", "messages[0].role"),
    "C13 bogus role": bad(says({"role": "bogus", "content": "Hi"}), "invalid_value", "messages[0].role",
                          "'system', 'assistant', 'user', 'function', 'tool', and 'developer'"),
    "C14 user content null or absent": accepted(user(None), says({"role": "user"})),
    "C14 also for the engine": accepted(user(None), says({"role": "user"}), model="tiny"),
    "C15 unknown key": bad({"zzz": 1}, "unknown_parameter", "zzz", "Unknown parameter: 'zzz'."),
    "C16 unknown stream option": bad({"stream": True, "stream_options": {"bogus": 1}}, "unknown_parameter",
                                     "stream_options.bogus"),
    "C17 top_k": accepted({"top_k": 20}, model="tiny"),
    "C18 temperature too high": bad({"temperature": 2.1}, "decimal_above_max_value", "temperature",
                                    "<= 2, but got 2.1 instead"),
    "C19 temperature too low": bad({"temperature": -0.1}, "decimal_below_min_value", "temperature"),
    "C20 temperature a string": bad({"temperature": "1"}, "invalid_type", "temperature",
                                    "expected a decimal, but got a string instead"),
    "C21 top_p": bad({"top_p": 1.01}, "decimal_above_max_value", "top_p"),
    "C22 n 0": bad({"n": 0}, "integer_below_min_value", "n"),
    "C22 n 129": bad({"n": 129}, "integer_above_max_value", "n"),
    "C23 n 1.5": bad({"n": 1.5}, "invalid_type", "n", "got a decimal number"),
    "C25 top_logprobs alone": bad({"top_logprobs": 3}, None, "top_logprobs"),
    "C26 top_logprobs 21": bad({"logprobs": True, "top_logprobs": 21}, None, "top_logprobs"),
    "C27 logprobs a string": bad({"logprobs": "yes"}, "invalid_type", "logprobs"),
    "C28 presence_penalty": bad({"presence_penalty": 2.5}, "decimal_above_max_value", "presence_penalty"),
    "C29 stop a number": bad({"stop": 7}, "invalid_type", "stop"),
    "C30 five stops": bad({"stop": ["a", "b", "c", "d", "e"]}, "array_above_max_length", "stop"),
    "C31 stops that are none": accepted({"stop": ""}, {"stop": []}, {"stop": None}),
    "C31 also for the engine": accepted({"stop": ""}, {"stop": []}, {"stop": None}, model="tiny"),
    "C32 stream a string": bad({"stream": "true"}, "invalid_type", "stream"),
    "C33 17 pairs of metadata": bad({"metadata": {f"k{i}": "v" for i in range(17)}}, "object_above_max_properties",
                                    "metadata"),
    "C34 a value of 513": bad({"metadata": {"k": "v" * 513}}, "string_above_max_length", "metadata.k"),
    "C34 512 code points of 4 bytes": accepted({"metadata": {"k": "\U0001f30a" * 512}}),
    "C35 metadata a number": bad({"metadata": {"k": 5}}, "invalid_type", "metadata.k"),
    "C36 service_tier": bad({"service_tier": "gold"}, "invalid_value", "service_tier"),
    "C37 unknown effort": bad({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort",
                              "'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'"),
    "C39 verbosity": bad({"verbosity": "loud"}, "invalid_value", "verbosity"),
    "C40 a format without type": bad({"response_format": {}}, "missing_required_parameter", "response_format.type"),
    "C41 an unknown format": bad({"response_format": {"type": "xml"}}, "invalid_value", "response_format.type"),
    "C42 no json_schema": bad({"response_format": {"type": "json_schema"}}, "missing_required_parameter",
                              "response_format.json_schema"),
    "C42 no name": bad({"response_format": {"type": "json_schema", "json_schema": {}}}, "missing_required_parameter",
                       "response_format.json_schema.name"),
    "C43 nobody says json": bad({"response_format": {"type": "json_object"}}, None, "messages",
                                "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
                                "'json_object'."),
    "C44 the system says JSON": accepted({"response_format": {"type": "json_object"},
                                          **says({"role": "system", "content": "Speak JSON."}, *HI)}),
    "C45 strict schema": bad(json_schema({"type": "object", "properties": {}}, strict=True), None, "response_format",
                             "Invalid schema for response_format 'x': In context=()"),
    "C46 two limits": bad({"max_tokens": 5, "max_completion_tokens": 6}, "invalid_value", "max_tokens"),
    "C47 limit 0": bad({"max_completion_tokens": 0}, "integer_below_min_value", "max_completion_tokens"),
    "C50 broken off": bad_body(b'{"model":', None, None, PARSE),
    "C51 not an object": any_400(b"", b"[]", b'"x"', b"null"),
    "C52 not JSON": all_of(*[bad_body(body, None, None, PARSE) for body in (
        ONCE * 2, ONCE[:-1] + b",}", b"/**/" + ONCE, ONCE[:-1] + b',"temperature":NaN}')]),
    "C53 byte order mark": bad_body(b"\xef\xbb\xbf" + ONCE, None, None, PARSE),
    "C58 part of an unknown type": bad(user([{"type": "video"}]), "invalid_value", "messages[0].content[0].type"),
    "C61 reasoning_content comes back": accepted(says(
        *HI, {"role": "assistant", "content": "Hi!", "reasoning_content": "A greeting."}, *HI)),
    "C61 also for the engine": accepted(says(
        *HI, {"role": "assistant", "content": "Hi!", "reasoning_content": "A greeting."}, *HI), model="tiny"),
    "C62 model before the unknown": bad({"model": None, "zzz": 1}, None, None, NO_MODEL),
    "C62 messages before the unknown": bad_body(b'{"model":"chat","zzz":1}', "missing_required_parameter", "messages"),
    "C62 the unknown before the range": bad({"zzz": 1, "temperature": 9}, "unknown_parameter", "zzz"),
    "C63 nulls": accepted({"user": None, "seed": None, "stop": None, "tools": None}),
    "C65 a lone surrogate": bad_body(ONCE.replace(b"Hi", b"\\ud800"), None, None, PARSE),
})
class Requests(Conformance):
    SETTINGS = {
        "endpoints": '  refusing: {upstream: up, model: r, n_ctx: 100000, output_tokens_max: 1000, price: remote, '
                     'thinking: {xhigh: refuse}}\n',
        "routes": "  refusing: {plan: [refusing]}\n"}

    def test_c01_keys_of_an_answer(self):
        for model in ("chat", "tiny"):
            with self.subTest(model):
                body = self.ok({"model": model, "max_completion_tokens": 5})
                self.assertLessEqual({"id", "object", "created", "model", "choices", "usage"}, set(body))
                self.assertEqual(body["object"], "chat.completion")
                self.assertTrue(body["id"].startswith("chatcmpl-"))
                self.assertIs(type(body["created"]), int)
                self.assertLess(abs(body["created"] - time.time()), 60)

    def test_c02_the_message(self):
        choice, = self.ok()["choices"]
        message = choice["message"]
        self.assertEqual((message["role"], message["content"], message["refusal"]), ("assistant", "Hi!", None))
        self.assertNotIn("tool_calls", message)
        self.assertEqual((choice["logprobs"], choice["finish_reason"]), (None, "stop"))

    def test_c03_usage(self):
        for model in ("chat", "tiny"):
            with self.subTest(model):
                usage = self.ok({"model": model, "max_completion_tokens": 5})["usage"]
                details = [usage.pop("prompt_tokens_details"), usage.pop("completion_tokens_details")]
                self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])
                for numbers in (usage, *details):
                    self.assertEqual({type(number) for number in numbers.values()}, {int})

    def test_c06_unknown_model(self):
        self.assertTrue(self.ask().field("x-ratelimit-limit-requests"))
        reply = self.ask({"model": "nope"})
        self.refused(reply, 404, "model_not_found", None, "`nope`")
        self.assertEqual([name for name, _ in reply.fields if name.startswith("x-ratelimit")], [])

    def test_c24_n_null(self):
        self.assertEqual(len(self.ok({"n": None})["choices"]), 1)

    def test_c38_an_effort_that_the_model_lacks(self):
        reply = self.ask({"model": "tiny", "reasoning_effort": "minimal", "max_completion_tokens": 1})
        self.assertEqual(reply.status, 200, reply)
        self.assertRegex(reply.field("x-weir-reasoning"), "minimal")
        self.refused(self.ask({"model": "refusing", "reasoning_effort": "xhigh"}), 400, "unsupported_value",
                     "reasoning_effort", "does not support")

    def test_c48_more_output_than_the_model_has(self):
        before = self.weir.balance()
        for model, most in (("chat", 100_000), ("tiny", 2048)):
            with self.subTest(model):
                reply = self.ask({"model": model, "max_completion_tokens": most + 1})
                self.assertEqual(reply.status, 400)
                for number in (most, most + 1):
                    self.assertIn(str(number), reply.error()["message"])
        self.assertEqual(self.weir.balance(), before)

    def test_c49_a_prompt_over_the_context(self):
        self.refused(self.ask({"model": "tiny", **user("word " * 8000)}), 400, "context_length_exceeded", "messages",
                     "maximum context length is")

    def post_as(self, media):
        return wire.request(self.weir.api, "POST", CHAT, [("content-type", media), ("authorization", f"Bearer {self.key}")],
                            ONCE)

    def test_c54_another_media_type(self):
        self.refused(self.post_as("multipart/form-data"), 400, "unsupported_content_type", None)

    def test_c55_spellings_of_the_media_type(self):
        for media in ("application/json; charset=utf-8", "Application/JSON"):
            self.assertEqual(self.post_as(media).status, 200)

    def test_c56_developer(self):
        message = {"role": "developer", "content": "Be brief."}
        self.ok(says(message, *HI))
        self.assertEqual(self.upstream.asked[0].body["messages"][0], message)
        self.ok({"model": "tiny", "max_completion_tokens": 1, **says(message, *HI)})

    def test_c57_text_and_image(self):
        parts = [TEXT, IMAGE]
        self.ok(user(parts))
        self.assertEqual(self.upstream.asked[0].body["messages"][0]["content"], parts)

    def test_c59_an_image_for_a_model_without_eyes(self):
        reply = self.ask({"model": "tiny", **user([TEXT, IMAGE])})
        self.assertEqual(reply.status, 400)
        self.assertIn("image", reply.error()["message"])

    def test_c60_an_answer_comes_back_verbatim(self):
        message = self.ok()["choices"][0]["message"]
        self.assertEqual(message["annotations"], [])
        for model in ("chat", "tiny"):
            self.ok({"model": model, "max_completion_tokens": 1, **says(*HI, message, *HI)})
        self.assertEqual(self.upstream.asked[-1].body["messages"][1], message)

    def test_c64_every_field_at_its_bounds(self):
        members = {
            "model": "chat", "messages": HI, "max_completion_tokens": 100, "max_tokens": 100, "n": 128, "temperature": 2,
            "top_p": 0, "presence_penalty": -2, "frequency_penalty": 2, "logprobs": True, "top_logprobs": 20, "user": "u",
            "seed": -2**63, "safety_identifier": "s" * 64, "prompt_cache_key": "k", "prompt_cache_retention": "24h",
            "prompt_cache_options": {"mode": "implicit"}, "service_tier": "default", "reasoning_effort": "high",
            "logit_bias": {"5": -100, "6": 100}, "stop": ["a", "b", "c", "d"], "stream": False, "store": True,
            "metadata": {"k" * 64: "v" * 512, **{str(i): "" for i in range(15)}}, "verbosity": "low",
            "prediction": {"type": "content", "content": "x"}, "response_format": {"type": "text"},
            "modalities": ["text"], "tools": [{"type": "function", "function": {"name": "f" * 64}}],
            "tool_choice": "required", "parallel_tool_calls": False, "top_k": 40, "min_p": 1, "repetition_penalty": 2}
        self.upstream.steps = [answer(completion(choices=[
            {**completion()["choices"][0], "index": index} for index in range(128)]))]
        self.assertEqual(self.post(members).status, 200)
        sent = json.loads(self.upstream.asked[0].raw, object_pairs_hook=lambda pairs: pairs)
        names = [name for name, _ in sent]
        self.assertEqual(len(names), len(set(names)))
        for name in members.keys() - {"max_completion_tokens", "max_tokens"}:  # one of the two goes on, as the upstream knows it
            self.assertEqual(self.upstream.asked[0].body.get(name), members[name], name)
        limits = [dict(sent).get(name) for name in ("max_completion_tokens", "max_tokens")]
        self.assertEqual(sorted(limits, key=str), [100, None])

    def test_c65_characters(self):
        text = "\U0001f30a \0 \u2028 \u00e9"
        for escaped in (True, False):
            body = json.dumps({"model": "chat", **user(text)}, ensure_ascii=escaped).encode()
            self.assertEqual(self.post(body).status, 200)
            self.assertEqual(self.upstream.asked[-1].body["messages"][0]["content"], text)
            self.upstream.asked[-1].raw.decode()
