"""Structured output of the local engine: a model of random weights writes what it is held to."""
import json
import unittest

from weir import SHARE, Weir

N_SEEDS = max(4, round(100 * SHARE))
COLOURS = ["red", "green", "caf\u00e9", "\"so\""]
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["colour", "size", "parts", "next"],
    "properties": {
        "colour": {"type": "string", "enum": COLOURS},
        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
        "next": {"anyOf": [{"$ref": "#/$defs/link"}, {"type": "null"}]},
    },
    "$defs": {"link": {"type": "object", "additionalProperties": False, "required": ["kind", "next"], "properties": {
        "kind": {"const": "link"}, "next": {"anyOf": [{"$ref": "#/$defs/link"}, {"type": "null"}]}}}},
}


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_link(value):
    return value is None or (value.keys() == {"kind", "next"} and value["kind"] == "link" and is_link(value["next"]))


def fits(value):
    """SCHEMA, in plain words."""
    return (list(value) == ["colour", "size", "parts", "next"] and value["colour"] in COLOURS
            and (value["size"] is None or is_whole(value["size"]))
            and len(value["parts"]) <= 3 and all(isinstance(part, bool) for part in value["parts"])
            and is_link(value["next"]))


def json_schema(schema, strict=True):
    return {"type": "json_schema", "json_schema": {"name": "thing", "strict": strict, "schema": schema}}


def strict_tool(parameters):
    return {"type": "function", "function": {"name": "paint", "strict": True, "parameters": parameters}}


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.weir = cls.enterClassContext(Weir())
        cls.key = cls.weir.account()
        cls.weir.start()

    def ask(self, **members):
        members = {"reasoning_effort": "none", "max_tokens": 600, **members}
        return self.weir.chat(self.key, messages=[{"role": "user", "content": "Say it in JSON."}], **members)

    def choice(self, **members):
        answer = self.ask(**members)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["choices"][0]

    def test_l13_a_schema_holds_whatever_is_sampled(self):
        n_stopped = 0
        for seed in range(N_SEEDS):
            choice = self.choice(response_format=json_schema(SCHEMA, strict=seed % 2 == 0), seed=seed)
            if choice["finish_reason"] == "stop":
                self.assertTrue(fits(json.loads(choice["message"]["content"])), choice)
                n_stopped += 1
            else:
                self.assertEqual(choice["finish_reason"], "length")
        self.assertGreater(n_stopped, N_SEEDS // 4)

    def test_any_object(self):
        reasons = set()
        for seed in range(max(4, N_SEEDS // 5)):
            choice = self.choice(response_format={"type": "json_object"}, seed=seed, stop=["\"", "}"])
            reasons.add(choice["finish_reason"])
            self.assertEqual(choice["message"]["content"][0], "{")
            if choice["finish_reason"] == "stop":
                self.assertIsInstance(json.loads(choice["message"]["content"]), dict)
        self.assertIn("stop", reasons)

    def test_streamed_it_is_the_same(self):
        members = {"response_format": json_schema(SCHEMA), "seed": 3, "temperature": 0.5}
        whole = self.choice(**members)
        chunks = self.ask(stream=True, **members).chunks()
        deltas = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks]
        self.assertEqual("".join(deltas), whole["message"]["content"])
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], whole["finish_reason"])

    def test_l14_one_cut_short_says_so(self):
        choice = self.choice(response_format=json_schema(SCHEMA), max_tokens=3)
        self.assertEqual(choice["finish_reason"], "length")

    def test_the_format_is_said_to_the_model(self):
        plain = self.ask(max_tokens=1).json()["usage"]["prompt_tokens"]
        held = self.ask(max_tokens=1, response_format=json_schema(SCHEMA)).json()["usage"]["prompt_tokens"]
        self.assertGreater(held, plain + 100)

    def test_a_strict_tool_holds(self):
        n_called = 0
        for seed in range(max(4, N_SEEDS // 5)):
            choice = self.choice(tools=[strict_tool(SCHEMA)], tool_choice="required", parallel_tool_calls=False,
                                 seed=seed)
            if choice["finish_reason"] != "tool_calls":
                self.assertEqual(choice["finish_reason"], "length")
                continue
            (call,) = choice["message"]["tool_calls"]
            arguments = json.loads(call["function"]["arguments"])
            self.assertTrue(fits({name: arguments[name] for name in SCHEMA["properties"]}), call)
            self.assertEqual(arguments.keys(), SCHEMA["properties"].keys())
            n_called += 1
        self.assertGreater(n_called, N_SEEDS // 20)

    def test_what_cannot_be_held_is_refused(self):
        dated = {"type": "object", "additionalProperties": False, "required": ["day"],
                 "properties": {"day": {"type": "string", "format": "date"}}}
        endless = {"type": "object", "additionalProperties": False, "required": ["me"],
                   "properties": {"me": {"$ref": "#"}}}
        deep = {"type": "string"}
        for _ in range(30):
            deep = {"type": "array", "items": deep}
        for schema, detail in (
                (dated, "In context=('properties', 'day'), 'format' is not supported."),
                (endless, "In context=(), no value fits the schema within 64 levels."),
                ({"type": "object", "if": {}}, "In context=(), 'if' is not supported.")):
            with self.subTest(detail):
                strict = schema in (dated, endless)
                answer = self.ask(response_format=json_schema(schema, strict=strict))
                self.assertEqual(answer.status, 400)
                self.assertEqual(answer.error()["message"], f"Invalid schema for response_format 'thing': {detail}")
                self.assertEqual((answer.error()["param"], answer.error()["code"]), ("response_format", "unsupported_value"))
        self.assertEqual(self.ask(response_format=json_schema(deep, strict=False), max_tokens=2).status, 200)
        answer = self.ask(tools=[strict_tool(dated)])
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.error()["message"], "Invalid schema for function 'paint': In context=('properties', "
                                                    "'day'), 'format' is not supported.")
        self.assertEqual((answer.error()["param"], answer.error()["code"]),
                         ("tools[0].function.parameters", "invalid_function_parameters"))
        funds, reserved, _ = self.weir.balance()
        self.assertEqual((funds, reserved), (10 * 10**9, 0))
