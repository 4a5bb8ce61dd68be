"""The scripted upstream (tests/support/mock_script.h) as a process, and its own log of truth."""
import json
import subprocess

import wire
from weir import BUILD


def program():
    found = [path for path in (BUILD / "tests").rglob("mock_upstream") if path.is_file()]
    assert found, f"mock_upstream is not built in {BUILD}"
    return found[0]


class Mock:
    def __init__(self, port=0):
        self.port = port  # 0: a free one

    def __enter__(self):
        self.process = subprocess.Popen([program(), str(self.port)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        assert line[:1] == ["listening"], line
        self.address = ("127.0.0.1", int(line[1]))
        self.base_url = f"http://127.0.0.1:{self.address[1]}/v1"
        return self

    def restart(self):
        """Killed, and there again at the same port."""
        self.__exit__()
        self.port = self.address[1]
        self.__enter__()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def log(self):
        """What it was asked and what it sent, oldest first: model, stream, prompt_tokens, output_tokens,
        reasoning_tokens, ended (complete, closed, reset, client_gone), headers, body."""
        answer = wire.request(self.address, "GET", "/log")
        return [json.loads(line) for line in answer.body.splitlines()]
