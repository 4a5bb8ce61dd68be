"""HTTP/1.1 as it comes off the socket: nothing is repaired, so that tests see what a strict client sees."""
import json
import socket


class Answer:
    """One answer. `complete` says that its framing was seen to the end; only then did the server finish it."""

    def __init__(self, status, reason, fields):
        self.status, self.reason, self.fields = status, reason, fields
        self.body = b""
        self.complete = False

    def field(self, name):
        return next((value for key, value in self.fields if key == name), None)

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()["error"]

    def events(self):
        """The data of each server-sent event of the body."""
        return [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]

    def chunks(self):
        return [json.loads(data) for data in self.events() if data != "[DONE]"]

    def done(self):
        return self.events()[-1:] == ["[DONE]"]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}{'' if self.complete else ' incomplete'}>"


class Connection:
    def __init__(self, address, timeout=30, tls=None):
        if isinstance(address, str):  # the path of a Unix socket
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        self.ended = False  # the server closed or reset

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.ended = True

    def fill(self):
        """Reads more into the buffer; False at the end."""
        if self.ended:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self.buffer += data
        return bool(data)

    def take_line(self):
        while b"\r\n" not in self.buffer:
            if not self.fill():
                return None
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def take(self, size):
        while len(self.buffer) < size:
            if not self.fill():
                return None
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def head(self):
        """The next answer's head, or None if the connection ended before it. 100 Continue is returned too."""
        line = self.take_line()
        if line is None:
            return None
        version, status, reason = (line.decode("latin-1") + "  ").split(" ", 2)
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise AssertionError(f"not an HTTP answer: {line!r}")
        fields = []
        while (line := self.take_line()) != b"":
            if line is None:
                raise AssertionError("the connection ended inside a head")
            name, _, value = line.decode("latin-1").partition(":")
            fields.append((name.lower(), value.strip()))
        return Answer(int(status), reason.strip(), fields)

    def pieces(self, answer):
        """Yields the body as it comes and sets answer.complete when its framing has ended."""
        if answer.status in (204, 304) or answer.status < 200:
            answer.complete = True
        elif answer.field("transfer-encoding") == "chunked":
            while (line := self.take_line()) is not None:
                size = int(line.split(b";")[0], 16)
                if size == 0:
                    while (line := self.take_line()) not in (b"", None):
                        pass
                    answer.complete = line == b""
                    return
                data = self.take(size + 2)
                if data is None:
                    return
                yield data[:-2]
        elif answer.field("content-length") is not None:
            data = self.take(int(answer.field("content-length")))
            answer.complete = data is not None
            if data:
                yield data
        else:
            while self.buffer or self.fill():
                data, self.buffer = self.buffer, b""
                yield data
            answer.complete = True

    def answer(self, body=True):
        """The next answer whole, interim ones skipped; None if the connection ended before it."""
        answer = self.head()
        while answer is not None and answer.status == 100:
            answer = self.head()
        if answer is not None and body:
            answer.body = b"".join(self.pieces(answer))
        return answer

    def stream(self, answer):
        """Yields each event's data as it comes, comments left out; the body is kept in answer.body."""
        text = b""
        for piece in self.pieces(answer):
            answer.body += piece
            text += piece
            while b"\n\n" in text:
                event, text = text.split(b"\n\n", 1)
                for line in event.split(b"\n"):
                    if line.startswith(b"data: "):
                        yield line[6:].decode()

    def closes(self):
        """Waits for the server to close; False if bytes come or nothing happens within the time-out."""
        try:
            return not self.buffer and not self.fill()
        except TimeoutError:
            return False


def request_bytes(method, target, fields=(), body=None):
    lines = [f"{method} {target} HTTP/1.1", "host: localhost", *(f"{name}: {value}" for name, value in fields)]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def request(address, method, target, fields=(), body=None, timeout=30, tls=None):
    """One request on a connection of its own."""
    with Connection(address, timeout, tls) as connection:
        connection.send(request_bytes(method, target, fields, body))
        answer = connection.answer(body=method != "HEAD")
        if answer is None:
            raise AssertionError(f"{method} {target}: the connection ended without an answer")
        return answer


def post_json(address, target, value, key=None, timeout=30, fields=()):
    return request(address, "POST", target, [*json_fields(key), *fields], json.dumps(value).encode(), timeout)


def json_fields(key=None):
    fields = [("content-type", "application/json")]
    return fields + [("authorization", f"Bearer {key}")] if key else fields
