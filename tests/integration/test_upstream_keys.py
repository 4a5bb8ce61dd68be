"""Several keys of one upstream: they take turns, a refused one rests, and clients do not notice."""
import http.server
import json
import threading
import unittest

from weir import Weir

REFUSALS = {"limited": (429, "rate_limit_exceeded"), "empty": (429, "insufficient_quota"), "wrong": (401, "invalid_api_key")}
USAGE = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}


class Upstream(http.server.BaseHTTPRequestHandler):
    """Refuses a key as its name says; `server.good` are those that may pass."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers["authorization"].removeprefix("Bearer ")
        self.server.seen.append(key)
        status, code = (200, None) if key in self.server.good else REFUSALS[key.rsplit("-", 1)[0]]
        kind = "application/json"
        if status != 200:
            data = json.dumps({"error": {"message": "no", "type": "error", "code": code}})
        elif body.get("stream"):
            kind = "text/event-stream"
            head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            events = [{**head, "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
                      {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {**head, "choices": [], "usage": USAGE}]
            data = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        else:
            data = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": USAGE, "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]})
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        if code == "rate_limit_exceeded":
            self.send_header("retry-after", "3600")
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *_):
        pass


class Keys(unittest.TestCase):
    def serve(self, *keys, good=(), terms=""):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        self.server.daemon_threads = True
        self.server.seen, self.server.good = [], set(good)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.weir = self.enterContext(Weir(upstream=f"http://127.0.0.1:{self.server.server_address[1]}/v1", local=False))
        text = self.weir.config.read_text()
        self.weir.write_config(text.replace('api_key: "sk-upstream"', f"api_keys: {json.dumps(keys)}{terms}"))
        self.key = self.weir.account()
        self.weir.start()

    def ask(self, status=200, stream=False):
        n_before = len(self.server.seen)
        answer = self.weir.chat(self.key, "mock", stream=stream, max_tokens=5)
        self.assertEqual(answer.status, status, answer)
        return self.server.seen[n_before:]

    def shown(self):
        upstream, = json.loads(self.weir.run("show", "--json").stdout)["upstreams"]
        return upstream["keys"], upstream["keys_resting"]

    def test_they_take_turns(self):
        self.serve("ok-1", "ok-2", "ok-3", good=("ok-1", "ok-2", "ok-3"))
        seen = [self.ask(stream=n % 2 == 0) for n in range(9)]
        self.assertEqual(sorted(key for keys in seen for key in keys), sorted(["ok-1", "ok-2", "ok-3"] * 3))
        self.assertEqual(self.shown(), (3, 0))
        self.weir.stop_cleanly(self)

    def test_a_refused_one_rests_and_nobody_notices(self):
        for n, refused in enumerate(("limited-1", "empty-1", "wrong-1")):
            for stream in (False, True):
                with self.subTest(refused=refused, stream=stream):
                    self.serve(refused, "ok-1", good=("ok-1",), terms=", n_inflight_max: 1")
                    seen = [self.ask(stream=stream) for _ in range(6)]
                    flat = [key for keys in seen for key in keys]
                    self.assertEqual((flat.count(refused), flat.count("ok-1")), (1, 6), seen)
                    self.assertEqual(self.shown(), (2, 1))
                    self.assertEqual(self.weir.balance()[1], 0)
                    self.weir.stop_cleanly(self)

    def test_when_all_are_refused_the_client_hears_it(self):
        self.serve("limited-1", "limited-2")
        self.assertEqual(sorted(self.ask(429)), ["limited-1", "limited-2"])
        self.assertEqual(self.shown(), (2, 2))
        self.assertEqual(self.weir.balance()[1], 0)
        self.weir.stop_cleanly(self)

    def test_what_cannot_be_is_refused(self):
        self.serve("ok-1", "ok-2", good=("ok-1", "ok-2"))
        self.weir.stop_cleanly(self)
        text = self.weir.config.read_text()
        for keys, words in (('["a"]', "upstreams.up.api_keys: has fewer than two keys; write a single one as api_key"), ('["a", "a"]', 'upstreams.up.api_keys: "a" twice'),
                            ('["a", "b"], api_key: "c"', "upstreams.up.api_keys: stands beside api_key; remove one of them")):
            with self.subTest(keys=keys):
                self.weir.write_config(text.replace('["ok-1", "ok-2"]', keys))
                refused = self.weir.run("check", check=False)
                self.assertEqual(refused.returncode, 1, refused)
                self.assertIn(words, refused.stdout + refused.stderr)


if __name__ == "__main__":
    unittest.main()
