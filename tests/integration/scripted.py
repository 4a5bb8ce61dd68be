"""An upstream inside the test's own process that answers byte for byte what the test says, and keeps what it was asked."""
import json
import os
import socket
import struct
import threading
import time

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
USAGE = {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10,
         "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
         "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                                       "rejected_prediction_tokens": 0}}
ROLE = {"role": "assistant", "content": "", "refusal": None}


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def answer(body, status=200, media="application/json", fields=()):
    """A whole answer; `body` is bytes or a value."""
    body = body if isinstance(body, bytes) else compact(body)
    lines = [f"HTTP/1.1 {status} Scripted", f"content-type: {media}", f"content-length: {len(body)}",
             *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def completion(message=None, finish="stop", **members):
    """A completion of one choice that says "Hi!", or what `message` changes of that."""
    said = {"role": "assistant", "content": "Hi!", "refusal": None, "annotations": [], **(message or {})}
    return {"id": "chatcmpl-scripted", "object": "chat.completion", "created": int(time.time()), "model": "chat-2026",
            "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": finish}], "usage": USAGE,
            "service_tier": "default", "system_fingerprint": "fp_1", **members}


def chunk(delta=None, finish=None, index=0, **members):
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1755137921, "model": "chat-2026",
            "service_tier": "default", "system_fingerprint": "fp_1", "choices": choices, **members}


def call(arguments=None, index=None, id=None, name=None):
    """One entry of tool_calls, in an answer or in a delta."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry = {"index": index, "id": id, "type": "function" if id else None, "function": function}
    return {key: value for key, value in entry.items() if value is not None}


def event(value):
    return b"data: " + (value if isinstance(value, bytes) else compact(value)) + b"\n\n"


def piece(data):
    """One chunk of the transfer coding."""
    return b"%x\r\n" % len(data) + data + b"\r\n"


def stream(*events, done=True):
    """The steps of a streamed answer: values become events, bytes go out as they are."""
    steps = [STREAM, *(piece(e if isinstance(e, bytes) else event(e)) for e in events)]
    return [*steps, piece(event(b"[DONE]")), b"0\r\n\r\n"] if done else steps


def hello(include_usage=True):
    """What an upstream streams that says "Hi!"."""
    said = [chunk(ROLE), chunk({"content": "Hi"}), chunk({"content": "!"}), chunk({}, "stop")]
    return stream(*[{**c, "usage": None} for c in said], chunk(usage=USAGE)) if include_usage else stream(*said)


class Asked:
    """One request as it came, and its connection."""

    def __init__(self, connection, fields, raw):
        self.connection, self.fields, self.raw = connection, fields, raw
        self.body = json.loads(raw)

    def send(self, data):
        self.connection.sendall(data)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        os.close(self.connection.detach())  # now, though a reader shares the socket

    def wait_gone(self, timeout):
        """Whether the gateway closes the connection within that time."""
        self.connection.settimeout(timeout)
        try:
            return self.connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


class Scripted:
    """`steps` is what the next requests are answered with: bytes to send and functions of the Asked to call, or a
    function that makes them of it. None: a well-formed "Hi!". A step that closes the connection ends the answer."""

    def __init__(self):
        self.steps = None
        self.asked = []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as reader:
            while (asked := self.read(connection, reader)) is not None:
                self.asked.append(asked)
                steps = self.steps(asked) if callable(self.steps) else self.steps
                if steps is None:
                    steps = hello() if asked.body.get("stream") else [answer(completion())]
                try:
                    for step in steps:
                        step(asked) if callable(step) else asked.send(step)
                except OSError:
                    return
                if connection.fileno() < 0:
                    return

    @staticmethod
    def read(connection, reader):
        try:
            if not reader.readline():
                return None
            fields = {}
            while (line := reader.readline().decode("latin-1").strip()):
                name, _, value = line.partition(":")
                fields[name.lower()] = value.strip()
            return Asked(connection, fields, reader.read(int(fields.get("content-length", "0"))))
        except OSError:
            return None
