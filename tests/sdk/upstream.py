"""The upstream of the SDK tests: what a request's model is called says how it is answered.

mock         "Hi there!"
loop         calls `level` with {"step": n} until it has the results of five calls, thinking "thought n" before each; then
             answers with the JSON {"results": [...], "thoughts": [...]}: the results, and the reasoning_content of each call's
             message, as they came to it
structured   {"name": "red"} if it was given a strict schema of that shape
retry-S      status S with retry-after-ms 1 twice, then how often it was asked, as its text
error-S      status S, always
endless      two chunks, then nothing until the gateway closes the connection
silent       nothing, until the gateway closes the connection
held         "Hi there!" once `released` is set; the gateway lets each key have one at a time
cut          two chunks, then the connection closes
"""
import json
import threading

from scripted import ROLE, STREAM, USAGE, Scripted, answer, call, chunk, completion, event, piece, stream

N_TURNS = 5


def reply(asked, text=None, thought=None, call_of=None):
    """The steps of an answer, streamed or not as it was asked for; `call_of` is (id, name, arguments)."""
    calls = [call(call_of[2], id=call_of[0], name=call_of[1])] if call_of else []
    finish = "tool_calls" if calls else "stop"
    if not asked.body.get("stream"):
        said = {"content": text, "reasoning_content": thought, "tool_calls": calls or None}
        return [answer(completion({key: value for key, value in said.items() if key == "content" or value}, finish))]
    deltas = [ROLE]
    for key, whole in (("reasoning_content", thought), ("content", text)):
        whole = whole or ""
        deltas += [{key: part} for part in (whole[:3], whole[3:]) if part]
    if call_of:
        id, name, arguments = call_of
        deltas.append({"tool_calls": [call("", 0, id, name)]})
        deltas += [{"tool_calls": [call(part, 0)]} for part in (arguments[:4], arguments[4:])]
    return stream(*[chunk(delta) for delta in deltas], chunk({}, finish), chunk(usage=USAGE))


def refusal(status, code, fields=()):
    body = {"error": {"message": f"scripted {code}", "type": "requests", "param": None, "code": code}}
    return [answer(body, status, fields=fields)]


def loop(asked):
    messages = asked.body["messages"]
    results = [message["content"] for message in messages if message["role"] == "tool"]
    if len(results) < N_TURNS:
        n = len(results)
        return reply(asked, thought=f"thought {n}", call_of=(f"call_{n}", "level", json.dumps({"step": n})))
    thoughts = [message.get("reasoning_content") for message in messages if message.get("tool_calls")]
    return reply(asked, json.dumps({"results": results, "thoughts": thoughts}))


def structured(asked):
    asks_for = asked.body.get("response_format") or {}
    schema = asks_for.get("json_schema") or {}
    good = asks_for.get("type") == "json_schema" and schema.get("strict") and "name" in schema["schema"]["properties"]
    return reply(asked, '{"name": "red"}' if good else f"not a strict schema: {asks_for}")


class Upstream(Scripted):
    """Counts what it is answering, and the streams that were hung up on."""

    CODES = {400: "context_length_exceeded", 401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error",
             503: "overloaded"}

    def __init__(self):
        super().__init__()
        self.steps = self.counted
        self.lock = threading.Lock()
        self.n_answering = self.n_hung_up = 0
        self.n_asked = {}
        self.released = threading.Event()

    def counted(self, asked):
        with self.lock:
            self.n_answering += 1
        try:
            yield from self.script(asked)
        finally:
            with self.lock:
                self.n_answering -= 1

    def script(self, asked):
        name, _, status = asked.body["model"].partition("-")
        if name == "retry":
            with self.lock:
                n = self.n_asked[status] = self.n_asked.get(status, 0) + 1
                if n > 2:
                    self.n_asked[status] = 0
            return reply(asked, str(n)) if n > 2 else refusal(
                int(status), self.CODES[int(status)], [("retry-after", "1"), ("retry-after-ms", "1")])
        if name == "error":
            return refusal(int(status), self.CODES[int(status)])
        if name == "silent":
            return [self.wait_gone]
        if name == "held":
            steps = reply(asked, "Hi there!")
            n_begun = 3 if len(steps) > 1 else 0  # of a stream
            return [*steps[:n_begun], lambda _: self.released.wait(60), *steps[n_begun:]]
        if name in ("endless", "cut"):
            begun = [STREAM, *(piece(event(chunk(delta))) for delta in ({**ROLE, "content": "Hi"}, {"content": " there"}))]
            return [*begun, self.wait_gone if name == "endless" else lambda asked: asked.close()]
        if name == "loop":
            return loop(asked)
        return structured(asked) if name == "structured" else reply(asked, "Hi there!")

    def wait_gone(self, asked):
        if asked.wait_gone(60):
            with self.lock:
                self.n_hung_up += 1
        asked.close()
