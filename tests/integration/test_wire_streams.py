"""Rows S: what a stream looks like to the byte, whatever the upstream's looks like."""
import json
import threading

import wire
from conformance import CHAT, HI, Conformance
from scripted import ROLE, STREAM, USAGE, Asked, answer, call, chunk, completion, event, hello, piece, stream
from weir import PATIENCE

ASKED_USAGE = {"stream_options": {"include_usage": True}}
STOP = chunk({}, "stop")
HI_EVENTS = (chunk(ROLE), chunk({"content": "Hi"}), chunk({"content": "!"}))


def deltas(chunks):
    return [c["choices"][0]["delta"] for c in chunks if c["choices"]]


def text(chunks):
    return "".join(delta.get("content") or "" for delta in deltas(chunks))


def reset(asked):
    asked.reset()


class Streams(Conformance):
    def raw(self, members=(), steps=None, fields=()):
        """A whole stream as it came."""
        answer = self.ask({"stream": True, **dict(members)}, steps, fields=fields)
        self.assertEqual(answer.status, 200, answer)
        return answer

    def both(self, **members):
        """A stream of the upstream and one of the engine."""
        return [self.raw(members), self.raw({"model": "tiny", "max_completion_tokens": 8, **members})]

    def cut(self, steps):
        """A stream that ends in the middle."""
        reply = self.raw(steps=steps)
        self.assertFalse(reply.complete)
        self.assertFalse(reply.done())
        *chunks, last = reply.chunks()
        self.assertEqual(set(last["error"]), {"message", "type", "param", "code"})
        self.assertFalse(any(c["finish_reason"] for each in chunks for c in each["choices"]))
        return chunks

    def test_s01_the_head(self):
        for model in ("chat", "tiny"):
            reply = self.raw({"model": model, "max_completion_tokens": 3}, fields=[("accept-encoding", "gzip")])
            self.assertTrue(reply.field("content-type").startswith("text/event-stream"))
            self.assertIsNone(reply.field("content-length"))
            self.assertIsNone(reply.field("content-encoding"))

    def test_s02_every_event_is_one_line(self):
        for reply in self.both():
            self.assertTrue(reply.complete)
            self.assertRegex(reply.body, rb"\A(data: \{[^\r\n]*\}\n\n)+data: \[DONE\]\n\n\Z")
            reply.chunks()

    def test_s03_the_role_once(self):
        for reply in self.both():
            self.assertEqual([delta.get("role") for delta in deltas(reply.chunks())],
                             ["assistant"] + [None] * (len(reply.chunks()) - 1))

    def test_s04_one_id_time_and_model(self):
        for reply in self.both():
            self.assertEqual(len({(c["id"], c["created"], c["model"]) for c in reply.chunks()}), 1)

    def test_s05_one_finish(self):
        for reply in self.both():
            choices = [c["choices"][0] for c in reply.chunks()]
            self.assertEqual(choices[-1]["delta"], {})
            self.assertIn(choices[-1]["finish_reason"], ("stop", "length"))
            self.assertEqual({c["finish_reason"] for c in choices[:-1]}, {None})

    def test_s06_no_usage_unasked(self):
        for reply in self.both():
            self.assertFalse(any("usage" in c for c in reply.chunks()))

    def check_usage(self, chunks):
        *before, last = chunks
        self.assertEqual(last["choices"], [])
        self.assertEqual(last["usage"]["total_tokens"], last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"])
        for c in before:
            self.assertIsNone(c["usage"])
            self.assertTrue(c["choices"])
        return last["usage"]

    def test_s07_usage_in_a_chunk_of_its_own(self):
        for reply in self.both(**ASKED_USAGE):
            self.check_usage(reply.chunks())
        # Chunks without the key get it, as null.
        self.assertEqual(self.check_usage(self.chunks(ASKED_USAGE, stream(*HI_EVENTS, STOP, chunk(usage=USAGE)))), USAGE)

    def test_s08_usage_that_nobody_said(self):
        usage = self.check_usage(self.chunks(ASKED_USAGE, hello(include_usage=False)))
        self.assertGreater(usage["prompt_tokens"], 0)
        self.assertGreater(usage["completion_tokens"], 0)

    def test_s09_billing_asks_for_usage(self):
        before = self.weir.balance()[2]
        chunks = self.chunks()
        self.assertEqual(self.upstream.asked[0].body["stream_options"], {"include_usage": True})
        self.assertFalse(any("usage" in c for c in chunks))
        self.assertEqual(self.weir.balance()[2] - before, 8 * 5_000 + 2 * 30_000)  # by the price `remote`

    def test_s10_streamed_or_not_the_text_is_one(self):
        members = {"model": "tiny", "seed": 5, "temperature": 0, "reasoning_effort": "none", "max_completion_tokens": 60}
        said = self.ok(members)["choices"][0]["message"]["content"]
        self.assertTrue(said)
        self.assertEqual(text(self.chunks(members)), said)

    def test_s11_accept_does_not_decide(self):
        reply = self.raw(fields=[("accept", "application/json")])
        self.assertTrue(reply.field("content-type").startswith("text/event-stream"))

    def test_s12_accept_does_not_make_a_stream(self):
        self.assertEqual(self.ok(fields=[("accept", "text/event-stream")])["object"], "chat.completion")

    def test_s13_a_refusal_before_the_first_byte(self):
        reply = self.ask({"stream": True}, [answer({"error": {"message": "slow down", "type": "requests"}}, 429)])
        self.assertEqual(reply.status, 429)
        self.assertEqual(reply.field("content-type"), "application/json")
        self.assertTrue(reply.error()["message"])

    def test_s14_the_upstream_dies(self):
        self.assertEqual(text(self.cut([*stream(*HI_EVENTS, done=False), Asked.close])), "Hi!")
        said = text(self.cut([*stream(*HI_EVENTS, done=False), reset]))
        self.assertTrue("Hi!".startswith(said), said)  # a reset may overtake what was sent before it

    def test_s15_no_done_behind_the_finish(self):
        self.assertEqual(text(self.chunks(steps=[*stream(*HI_EVENTS, STOP, done=False), Asked.close])), "Hi!")
        self.assertEqual(text(self.chunks(steps=[*stream(*HI_EVENTS, STOP, done=False), b"0\r\n\r\n"])), "Hi!")

    def test_s16_an_end_without_finish(self):
        self.assertEqual(text(self.cut([*stream(*HI_EVENTS, done=False), b"0\r\n\r\n"])), "Hi!")

    def test_s17_role_in_every_chunk(self):
        said = [chunk({"role": "assistant", "content": word}) for word in ("", "Hi", "!")]
        for last in (STOP, chunk({"role": "assistant"}, "stop")):
            chunks = self.chunks(steps=stream(*said, last))
            self.assertEqual([delta.get("role") for delta in deltas(chunks)], ["assistant", None, None, None])
            self.assertEqual(text(chunks), "Hi!")

    def test_s18_usage_in_every_chunk(self):
        said = [{**c, "usage": USAGE} for c in (*HI_EVENTS, STOP)]
        self.assertFalse(any("usage" in c for c in self.chunks(steps=stream(*said))))
        self.assertEqual(self.check_usage(self.chunks(ASKED_USAGE, stream(*said)))["total_tokens"], USAGE["total_tokens"])
        self.assertEqual(self.check_usage(self.chunks(ASKED_USAGE, stream(*said, chunk(usage=USAGE)))), USAGE)

    def test_s19_a_first_chunk_about_the_prompt(self):
        azure = {**chunk(), "id": "", "object": "", "created": 0, "model": "", "prompt_filter_results": []}
        for members in ({}, ASKED_USAGE):
            chunks = self.chunks(members, stream(azure, *HI_EVENTS, STOP, chunk(usage=USAGE)))
            self.assertEqual(deltas(chunks)[0], ROLE)
            self.assertEqual(len(chunks), 5 if members else 4)
            self.assertEqual({c["object"] for c in chunks}, {"chat.completion.chunk"})
            self.assertEqual({c["id"] for c in chunks}, {"chatcmpl-scripted"})

    def test_s20_what_moves_is_held(self):
        moving = [{**c, "id": f"chatcmpl-{i}", "created": 1755137921 + i, "model": f"m-{i}", "system_fingerprint": f"fp_{i}"}
                  for i, c in enumerate((*HI_EVENTS, STOP, chunk(usage=USAGE)))]
        for members in ({}, ASKED_USAGE):
            chunks = self.chunks(members, stream(*moving))
            self.assertEqual({(c["id"], c["created"], c["model"], c["system_fingerprint"]) for c in chunks},
                             {("chatcmpl-0", 1755137921, "m-0", "fp_0")})
            self.assertEqual(text(chunks), "Hi!")

    def test_s21_reasoning_by_its_other_name(self):
        chunks = self.chunks(steps=stream(chunk(ROLE), chunk({"reasoning": "Hm"}), chunk({"reasoning": "m"}), *HI_EVENTS[1:], STOP))
        said = deltas(chunks)
        self.assertEqual("".join(delta.get("reasoning_content", "") for delta in said), "Hmm")
        self.assertFalse(any("reasoning" in delta for delta in said))
        self.assertEqual(text(chunks), "Hi!")

    def entries(self, *calls):
        """The entries of tool_calls that a client sees, and that all is well around them."""
        chunks = self.chunks(steps=stream(chunk({**ROLE, "content": None}),
                                          *[chunk({"tool_calls": entries}) for entries in calls], chunk({}, "tool_calls")))
        return [entry for delta in deltas(chunks) for entry in delta.get("tool_calls", [])]

    @staticmethod
    def arguments(entries):
        joined = {}
        for entry in entries:
            joined[entry["index"]] = joined.get(entry["index"], "") + entry["function"].get("arguments", "")
        return joined

    def test_s22_a_head_in_every_chunk(self):
        entries = self.entries(*[[call(part, 0, "a", "f")] for part in ('{"x"', ":1", "}")])
        self.assertEqual(self.arguments(entries), {0: '{"x":1}'})
        self.assertEqual([(entry.get("id"), entry["function"].get("name"), entry.get("type")) for entry in entries],
                         [("a", "f", "function"), (None, None, None), (None, None, None)])

    def test_s23_no_index(self):
        entries = self.entries([call("", id="a", name="f")], [call('{"x":', id="a")], [call("1}")], [call("{}", id="b", name="g")])
        self.assertEqual(self.arguments(entries), {0: '{"x":1}', 1: "{}"})

    def test_s24_indices_from_one(self):
        entries = self.entries([call("", 1, "a", "f")], [call("{}", 1)], [call("", 2, "b", "g")], [call("{}", 2)])
        self.assertEqual([entry["index"] for entry in entries], [0, 0, 1, 1])

    def test_s25_a_whole_call_at_once(self):
        entries = self.entries([call('{"x":1}', 0, "a", "f"), call("{}", 1, "b", "g")])
        self.assertEqual(entries, [call('{"x":1}', 0, "a", "f"), call("{}", 1, "b", "g")])

    def test_s26_other_lines_of_an_event_stream(self):
        data = [event(c)[:-2] for c in (*HI_EVENTS, STOP)]
        dressed = [b": hello\n\n", b"event: message\n" + data[0] + b"\n\n", b"id: 7\n" + data[1] + b"\n\n",
                   data[2] + b"\r\n\r\n", b"retry: 3000\n\n", data[3] + b"\r\r"]
        reply = self.raw(steps=stream(*dressed))
        self.assertRegex(reply.body, rb"\A(data: [^\r\n]+\n\n)+\Z")
        self.assertTrue(reply.done())
        self.assertEqual(text(reply.chunks()), "Hi!")

    def test_s28_a_split_at_every_byte(self):
        said = [{"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} for delta, finish in (
            ({"content": "H\u00ed \U0001f30a\r\n"}, None), ({}, "stop"))]
        data = b"".join(map(event, (*said, b"[DONE]")))
        whole = self.raw(steps=[STREAM, piece(data), b"0\r\n\r\n"]).body
        self.assertEqual(text(self.raw(steps=[STREAM, *[piece(data[i:i + 1]) for i in range(len(data))], b"0\r\n\r\n"]).chunks()),
                         "H\u00ed \U0001f30a\r\n")
        for cut in range(1, len(data)):
            self.assertEqual(self.raw(steps=[STREAM, piece(data[:cut]), piece(data[cut:]), b"0\r\n\r\n"]).body, whole, cut)

    def test_s29_fifty_events_in_one_read(self):
        words = [f"{i} " for i in range(50)]
        chunks = self.chunks(steps=stream(b"".join(event(chunk({"content": word})) for word in words), STOP))
        self.assertEqual([delta["content"] for delta in deltas(chunks)[:-1]], words)

    def test_s30_obfuscation(self):
        for model in ("chat", "tiny"):
            said = stream(*[{**c, "obfuscation": "xYz"} for c in (*HI_EVENTS, STOP)])
            for options, wanted in (({}, False), ({"stream_options": {"include_obfuscation": False}}, False),
                                    ({"stream_options": {"include_obfuscation": True}}, True)):
                chunks = self.chunks({"model": model, "max_completion_tokens": 3, **options}, said)
                self.assertEqual([type(c.get("obfuscation")) for c in chunks], [str if wanted else type(None)] * len(chunks))

    def test_s31_the_client_goes(self):
        gone, seen = threading.Event(), []
        before = self.weir.balance()[2]

        def watch(asked):
            seen.append(asked.wait_gone(PATIENCE / 60))
            gone.set()
        self.upstream.steps = [*stream(*HI_EVENTS, done=False), watch, Asked.close]
        with wire.Connection(self.weir.api, PATIENCE) as connection:
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key),
                                               json.dumps({"model": "chat", "stream": True, "messages": HI}).encode()))
            for _, _ in zip(range(2), connection.stream(connection.head())):
                pass
        self.assertTrue(gone.wait(PATIENCE))
        self.assertEqual(seen, [True])
        self.weir.wait_until(lambda: self.weir.balance()[1] == 0, "the hold to end")
        self.assertGreater(self.weir.balance()[2], before)

    def test_s32_each_chunk_at_once(self):
        go_on = threading.Semaphore(0)
        words = [chunk({"content": f"{i} "}) for i in range(5)]
        first, *rest = hello()
        self.upstream.steps = [first]
        for c in (*words, STOP):
            self.upstream.steps += [piece(event(c)), lambda _: go_on.acquire(timeout=PATIENCE)]
        self.upstream.steps += rest[-2:]
        with wire.Connection(self.weir.api, PATIENCE) as connection:
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key),
                                               json.dumps({"model": "chat", "stream": True, "messages": HI}).encode()))
            said = []
            for data in connection.stream(connection.head()):
                said.append(data)
                if len(said) <= len(words):
                    self.assertEqual(json.loads(data)["choices"][0]["delta"]["content"], f"{len(said) - 1} ")
                go_on.release()
                if len(said) == len(words):
                    go_on.release()  # the last chunk may wait for the settlement, which is behind [DONE]
            self.assertEqual(said[-1], "[DONE]")

    def test_s33_a_foreign_finish_reason(self):
        for foreign, ours in (("eos", "stop"), ("end_turn", "stop"), ("max_tokens", "length")):
            chunks = self.chunks(steps=stream(*HI_EVENTS, chunk({}, foreign)))
            self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], ours)

    def test_s34_all_limit_spent_on_reasoning(self):
        usage = {**USAGE, "completion_tokens": 4, "total_tokens": 12,
                 "completion_tokens_details": {**USAGE["completion_tokens_details"], "reasoning_tokens": 4}}
        said = stream(chunk(ROLE), chunk({"reasoning_content": "Hmm"}), chunk({}, "length"), chunk(usage=usage))
        for model, most in (("chat", 4), ("tiny", 3)):
            with self.subTest(model):
                members = {"model": model, "max_completion_tokens": most, **ASKED_USAGE}
                # Random weights end an answer, or their thoughts, when they like: of twenty draws one thinks to the limit.
                draws = (self.chunks({**members, "seed": seed}, said) for seed in range(20))
                chunks = next(drawn for drawn in draws
                              if (text(drawn), drawn[-2]["choices"][0]["finish_reason"]) == ("", "length"))
                self.assertEqual(deltas(chunks)[0]["content"], "")
                self.assertEqual(self.check_usage(chunks)["completion_tokens_details"]["reasoning_tokens"], most)

    def test_s35_an_error_as_the_first_event(self):
        reply = self.ask({"stream": True}, stream({"error": {"message": "no", "type": "server_error", "code": 500}}, done=False)
                         + [b"0\r\n\r\n"])
        self.assertEqual(reply.status, 502)
        self.assertEqual(set(reply.error()), {"message", "type", "param", "code"})

    def test_s36_json_where_a_stream_was_asked_for(self):
        reply = self.ask({"stream": True}, [answer(completion())])
        if reply.status == 200:
            self.assertTrue(reply.done())
            self.assertEqual(text(reply.chunks()), "Hi!")
        else:
            self.assertEqual(reply.status, 502)
            self.assertEqual(set(reply.error()), {"message", "type", "param", "code"})

    def test_s37_the_connection_serves_again(self):
        with wire.Connection(self.weir.api, PATIENCE) as connection:
            for model in ("chat", "tiny", "chat"):
                body = {"model": model, "stream": True, "max_completion_tokens": 3, "messages": HI}
                connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key), json.dumps(body).encode()))
                reply = connection.answer()
                self.assertTrue(reply.complete and reply.done(), reply)

    def test_s38_spellings_of_done(self):
        for done in (b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"data: [DONE]"):
            reply = self.raw(steps=[*stream(*HI_EVENTS, STOP, done, done=False), b"0\r\n\r\n"])
            self.assertTrue(reply.complete)
            self.assertTrue(reply.body.endswith(b"}\n\ndata: [DONE]\n\n"), reply)

    def test_s39_nothing_between_pieces_of_a_call(self):
        empty = chunk({"content": ""})
        chunks = self.chunks(steps=stream(chunk({**ROLE, "content": None}), chunk({"tool_calls": [call("", 0, "a", "f")]}), empty,
                                          chunk({"content": "", "tool_calls": [call("{}", 0)]}), empty, chunk({}, "tool_calls")))
        self.assertEqual([set(delta) for delta in deltas(chunks)[1:]], [{"tool_calls"}, {"tool_calls"}, set()])

    def test_s40_two_choices(self):
        said = [chunk(ROLE, index=i) for i in (0, 1)]
        said += [chunk({"content": word}, index=i) for word in "ab" for i in (1, 0)] + [chunk({}, "stop", i) for i in (1, 0)]
        chunks = self.chunks({"n": 2, **ASKED_USAGE}, stream(*said, chunk(usage=USAGE)))
        self.assertEqual(chunks[0]["choices"][0]["index"], 0)
        self.check_usage(chunks)
        for index in (0, 1):
            mine = [c["choices"][0] for c in chunks if c["choices"] and c["choices"][0]["index"] == index]
            self.assertEqual([c["delta"].get("role") for c in mine], ["assistant", None, None, None])
            self.assertEqual("".join(c["delta"].get("content", "") for c in mine), "ab")
            self.assertEqual([c["finish_reason"] for c in mine], [None, None, None, "stop"])


class Silence(Conformance):
    SETTINGS = {"local": False, "limits": "limits: {keepalive: 100ms}\n",
                "timeouts": f"{{ttft: {int(PATIENCE)}s, idle: {int(PATIENCE)}s, total: 600s}}"}

    def test_s27_a_silent_upstream(self):
        go_on = threading.Event()
        steps = hello()
        self.upstream.steps = [steps[0], lambda _: go_on.wait(PATIENCE), *steps[1:]]
        with wire.Connection(self.weir.api, PATIENCE) as connection:
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key),
                                               json.dumps({"model": "chat", "stream": True, "messages": HI}).encode()))
            reply = connection.head()
            self.assertEqual(reply.status, 200)
            before = b""
            for part in connection.pieces(reply):
                if not go_on.is_set():
                    before += part
                    if before.count(b"\n\n") >= 2:
                        self.assertRegex(before, rb"\A(: [^\r\n]+\n\n){2,}\Z")
                        go_on.set()
                    continue
                reply.body += part
            self.assertTrue(reply.complete and reply.done(), reply)
            self.assertEqual(text(reply.chunks()), "Hi!")
