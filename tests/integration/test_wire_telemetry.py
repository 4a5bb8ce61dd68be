"""Rows M: what /metrics says."""
import json
import re

import wire
from conformance import CHAT, HI, Conformance
from scripted import ROLE, USAGE, Asked, chunk, stream
from weir import PATIENCE, metric

SAMPLE = re.compile(r'^[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\.)*",?)*\})? (-?[\d.e+-]+|[+-]Inf|NaN)$')


class Telemetry(Conformance):
    def counted(self, **labels):
        return metric(self.weir.scrape(), "weir_requests_total", **labels)

    def test_m01_the_exposition_parses(self):
        for model in ("chat", "tiny"):
            self.ask({"model": model, "max_completion_tokens": 3})
        reply = wire.request(self.weir.metrics_address, "GET", "/metrics")
        self.assertTrue(reply.field("content-type").startswith("text/plain; version=0.0.4"))
        seen, families = {"HELP": [], "TYPE": []}, set()
        for line in reply.body.decode().splitlines():
            if line.startswith("# "):
                _, kind, name, _ = line.split(" ", 3)
                seen[kind].append(name)
            else:
                self.assertRegex(line, SAMPLE)
                families.add(re.sub(r"(_bucket|_sum|_count)$", "", re.split(r"[{ ]", line)[0]))
        for names in seen.values():
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(families - set(names), set())

    def test_m02_requests_add_up(self):
        before = {outcome: self.counted(outcome=outcome) for outcome in ("ok", "caller_error", "client_gone")}
        for _ in range(3):
            self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.ask({"n": 0}).status, 400)
        self.upstream.steps = [*stream(chunk(ROLE), done=False), lambda asked: asked.wait_gone(PATIENCE), Asked.close]
        with wire.Connection(self.weir.api, PATIENCE) as connection:
            body = json.dumps({"model": "chat", "messages": HI, "stream": True}).encode()
            connection.send(wire.request_bytes("POST", CHAT, wire.json_fields(self.key), body))
            next(connection.stream(connection.head()))
            self.assertEqual(metric(self.weir.scrape(), "weir_endpoint_inflight", endpoint="chat"), 1)
        for outcome, n in (("client_gone", 1), ("caller_error", 1), ("ok", 3)):
            self.weir.wait_until(lambda: self.counted(outcome=outcome) - before[outcome] == n, f"{n} {outcome}")
        self.assertEqual(metric(self.weir.scrape(), "weir_endpoint_inflight"), 0)

    def test_m03_times_of_a_stream(self):
        usage = {**USAGE, "completion_tokens": 7, "total_tokens": 15}

        def figures():
            samples = self.weir.scrape()
            return [metric(samples, f"weir_{name}_seconds_{what}", **labels) for name, what, labels in (
                ("ttft", "count", {}), ("ttft", "sum", {}), ("inter_token", "count", {}), ("inter_token", "sum", {}))]
        before = figures()
        self.chunks(steps=stream(chunk(ROLE), *[chunk({"content": "x "})] * 7, chunk({}, "stop"), chunk(usage=usage)))
        self.weir.wait_until(lambda: figures()[0] > before[0], "the record")
        n_ttft, ttft, n_between, between = [after - first for after, first in zip(figures(), before)]
        self.assertEqual((n_ttft, n_between), (1, 6))
        for seconds in (ttft, between):
            self.assertTrue(0 <= seconds < PATIENCE, seconds)

    def test_m04_names_from_clients_are_no_labels(self):
        for made_up in ("made-up-by-a-client", 'a"b\\c\nd', "x" * 300):
            self.assertEqual(self.ask({"model": made_up}).status, 404)
        text = wire.request(self.weir.metrics_address, "GET", "/metrics").body.decode()
        for made_up in ("made-up-by-a-client", 'a\\"b', "xxxx"):
            self.assertNotIn(made_up, text)
