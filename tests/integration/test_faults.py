"""What an upstream may do wrong, by number (the mock's fault-N): what the client sees, what the ledger and the
metrics say, and that nothing stays held. Then clients that hang up, at every chunk, on both roads."""
import json
import unittest
from dataclasses import dataclass

import wire
from mock import Mock
from weir import PATIENCE, PICO, Weir, cost, metric, nano

WAIT = f"{int(12 * PATIENCE)}ms"  # what an upstream may be silent: 700 ms, longer under a sanitizer
TOTAL = f"{int(48 * PATIENCE)}ms"  # what a whole answer may take, however steadily it drips
N_OUTPUT = 30  # the limit of each request; a mock that minds it sends 20


@dataclass
class Fault:
    model: str
    streamed: object    # "whole", "cut" (in the stream, behind events that arrived) or the status instead of an answer
    unstreamed: object  # "whole" or a status
    outcome: str        # in the ledger and in weir_requests_total
    classes: tuple      # allowed in weir_attempts_total
    charge: str = "nothing"    # exact, counted, zero, clamped
    unstreamed_charge: str = None
    unstreamed_outcome: str = None

    def view(self, stream):
        return self.streamed if stream else self.unstreamed

    def charged(self, stream):
        return self.charge if stream else self.unstreamed_charge or self.charge

    def ended(self, stream):
        return self.outcome if stream else self.unstreamed_outcome or self.outcome


OK = ("ok",)
FAULTS = [
    Fault("fault-1", 502, 502, "upstream_error", ("connect",)),
    Fault("fault-2", 504, 504, "upstream_error", ("timeout_ttft",)),
    Fault("fault-3", 429, 429, "rate_limit", ("rate_limit",)),
    Fault("fault-4", 502, 502, "upstream_error", ("server_error",)),
    Fault("fault-5", 503, 503, "upstream_error", ("credential",)),
    Fault("fault-6", 504, 504, "upstream_error", ("timeout_ttft",)),
    Fault("fault-7-k3", "cut", 502, "cut", ("cut",)),
    Fault("fault-7-k0", "cut", 502, "cut", ("cut",)),
    Fault("fault-8-k3", "cut", 504, "cut", ("timeout_idle",)),
    Fault("fault-9", "whole", "whole", "ok", OK, "counted", "exact"),
    Fault("fault-10", "whole", "whole", "ok", OK, "counted"),
    Fault("fault-11-zero", "whole", "whole", "ok", OK, "zero"),
    Fault("fault-11-absurd", "whole", "whole", "ok", OK, "clamped"),
    Fault("fault-11-twice", "whole", "whole", "ok", OK, "exact"),
    Fault("fault-11-delta", "whole", "whole", "ok", OK, "exact"),
    Fault("fault-12", "whole", "whole", "ok", OK, "exact"),
    Fault("fault-13", "whole", "whole", "tool_calls", OK, "some"),
    Fault("fault-14-k3", "cut", 502, "upstream_error", ("server_error",)),
    Fault("fault-15-k3", "cut", 502, "cut", ("malformed", "cut")),
    Fault("fault-16-ms100", 504, 504, "upstream_error", ("timeout_ttft", "timeout_idle"), unstreamed_outcome="cut"),
    Fault("fault-17", "whole", "whole", "length", OK, "exact"),
    Fault("fault-18", "whole", "whole", "ok", OK, "clamped"),
]


class Faults(unittest.TestCase):
    def run_all(self, stream):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=[f.model for f in FAULTS],
                                  timeouts=f"{{ttft: {WAIT}, idle: {WAIT}, total: {TOTAL}}}") as weir:
            key = weir.account(credit="1000.00")
            weir.start()
            for fault in FAULTS:
                with self.subTest(fault.model):
                    members = {"stream_options": {"include_usage": True}} if stream else {}
                    answer = weir.chat(key, fault.model, stream=stream, max_tokens=N_OUTPUT, **members)
                    self.check_view(answer, fault, stream)
            _, reserved, spent = weir.balance()
            self.assertEqual(reserved, 0)
            # Attempts stand where they were made, requests that were not charged under no endpoint.
            rows = {row["endpoint"]: row for row in weir.report("--by", "endpoint,outcome") if row["endpoint"]}
            all_rows = weir.report("--by", "outcome")
            self.assertEqual(sum(row["requests"] for row in all_rows), len(FAULTS), all_rows)
            outcomes = [fault.ended(stream) for fault in FAULTS]
            for outcome in set(outcomes):
                n = outcomes.count(outcome)
                self.assertEqual(sum(r["requests"] for r in all_rows if r["outcome"] == outcome), n, (outcome, all_rows))
            samples = weir.scrape()
            log = {entry["model"]: entry for entry in mock.log()}
            for fault in FAULTS:
                with self.subTest(fault.model):
                    self.check_charge(fault, stream, rows.get(fault.model), log[fault.model])
                    self.check_operator_cost(fault, stream, rows[fault.model], log[fault.model])
                    classes = [c for c in fault.classes
                               if metric(samples, "weir_attempts_total", endpoint=fault.model, **{"class": c}) == 1]
                    self.assertEqual(len(classes), 1, [s for s in samples if fault.model in s and "attempts" in s])
                    self.assertEqual(metric(samples, "weir_requests_total", route=fault.model, outcome=fault.ended(stream)), 1)
            self.assertEqual(sum(nano(row["usd"]) for row in all_rows), spent)
            self.assertEqual(metric(samples, "weir_reservations"), 0)
            weir.verify()
            weir.stop_cleanly(self)

    def check_view(self, answer, fault, stream):
        view = fault.view(stream)
        if isinstance(view, int):
            self.assertEqual(answer.status, view, answer)
            error = answer.error()
            self.assertEqual(set(error), {"message", "type", "param", "code"})
            self.assertNotIn("Incorrect API key", error["message"])  # it was ours, not the client's
            if view == 429:
                self.assertGreaterEqual(int(answer.field("retry-after")), 1)
            return
        self.assertEqual(answer.status, 200, answer)
        if not stream:
            body = answer.json()
            self.assertTrue(answer.complete)
            self.assertIn("message", body["choices"][0])
            return
        self.assertEqual(answer.complete, view == "whole", answer)
        self.assertEqual(answer.done(), view == "whole", answer)
        chunks = answer.chunks()
        errors = [chunk for chunk in chunks if "error" in chunk]
        if view == "cut":
            self.assertEqual(len(errors), 1)
            self.assertEqual(chunks[-1], errors[0])
            self.assertEqual(set(errors[0]["error"]), {"message", "type", "param", "code"})
            self.assertFalse(any(c["finish_reason"] for chunk in chunks[:-1] for c in chunk["choices"]))
            return
        self.assertEqual(errors, [])
        choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
        self.assertEqual([c["delta"].get("role") for c in choices].count("assistant"), 1)
        self.assertEqual(len([c for c in choices if c["finish_reason"]]), 1)
        self.assertEqual(chunks[-1]["choices"], [])  # usage was asked for, so it comes, whoever counted
        self.assertIsInstance(chunks[-1]["usage"]["total_tokens"], int)
        self.assertEqual(len({(chunk["id"], chunk["model"]) for chunk in chunks}), 1)
        if fault.model == "fault-13":
            calls = [call for c in choices for call in c["delta"].get("tool_calls", [])]
            self.assertEqual({call["index"] for call in calls}, {0, 1})
            arguments = ["".join(call["function"].get("arguments", "") for call in calls if call["index"] == i)
                         for i in (0, 1)]
            self.assertEqual([json.loads(text) for text in arguments], [{"at": 1}, {}])

    def check_operator_cost(self, fault, stream, row, truth):
        """What the upstream may bill: what it said, if that is possible; nothing of what it refused; else our count."""
        paid = nano(row["operator_usd"])
        refused = stream and fault.streamed in (429, 502, 503) or not stream and fault.classes[0] in (
            "connect", "rate_limit", "server_error", "credential")
        if refused or fault.charged(stream) == "zero":
            self.assertEqual(paid, 0, row)
        elif fault.charged(stream) == "exact":
            self.assertEqual(paid, nano(row["usd"]), row)
            self.assertGreater(paid, 0)
        else:
            most = cost({"input_uncached": 2 * truth["prompt_tokens"], "output_answer": N_OUTPUT}, PICO["remote"])
            self.assertTrue(0 < paid <= most, (row, truth))
        self.assertEqual(nano(row["margin_usd"]), nano(row["usd"]) - paid)

    def check_charge(self, fault, stream, row, truth):
        charge = fault.charged(stream)
        if charge == "nothing":
            self.assertTrue(row is None or nano(row["usd"]) == 0, row)
            return
        self.assertIsNotNone(row, fault.model)
        self.assertEqual((row["requests"], row["outcome"]), (1, fault.ended(stream)))
        n_input = row["input_uncached"] + row["cache_read"]
        n_output = row["output_answer"] + row["output_reasoning"]
        if charge == "exact":
            self.assertEqual((n_input, n_output), (truth["prompt_tokens"], truth["output_tokens"]))
            self.assertEqual(row["output_reasoning"], truth["reasoning_tokens"])
        elif charge == "zero":
            self.assertEqual((n_input, n_output, nano(row["usd"])), (0, 0, 0))
        elif charge == "clamped":
            self.assertEqual(n_output, N_OUTPUT)
        else:  # our own count: a figure of the right size
            self.assertGreater(n_input, 0)
            self.assertTrue(0 < n_output <= N_OUTPUT, row)

    def test_streamed(self):
        self.run_all(stream=True)

    def test_unstreamed(self):
        self.run_all(stream=False)


class FallBack(unittest.TestCase):
    EARLY = ["fault-1", "fault-2", "fault-3", "fault-4", "fault-5", "fault-6"]
    CLASSES = "[connect, timeout_ttft, rate_limit, server_error, credential]"

    def test_before_the_first_byte_and_never_after(self):
        late = "fault-14-k3"
        routes = "".join(
            f"  then-{model}: {{plan: [{model}, mock], fall_back_on: {self.CLASSES}, timeouts: {{ttft: {WAIT}, total: {WAIT}}}}}\n"
            for model in [*self.EARLY, late])
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, routes=routes,
                                  remote_models=[*self.EARLY, late]) as weir:
            key = weir.account()
            weir.start()
            for stream in (False, True):
                for model in self.EARLY:
                    with self.subTest(f"{model} {stream}"):
                        answer = weir.chat(key, f"then-{model}", stream=stream, max_tokens=5)
                        self.assertEqual(answer.status, 200, answer)
                        self.assertTrue(answer.complete)
                        self.assertEqual(answer.field("x-weir-endpoint"), "mock")
            answer = weir.chat(key, f"then-{late}", stream=True, max_tokens=5)
            self.assertFalse(answer.complete)
            self.assertIn("error", answer.chunks()[-1])
            rows = weir.report("--by", "endpoint")
            charged = {row["endpoint"]: row["requests"] for row in rows if nano(row["usd"])}
            self.assertEqual(charged, {"mock": 2 * len(self.EARLY)})
            self.assertEqual(weir.balance()[1], 0)
            weir.verify()
            weir.stop_cleanly(self)

    def test_a_class_that_is_not_listed_is_answered(self):
        routes = "  strict: {plan: [fault-4, mock], fall_back_on: [connect]}\n"
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, routes=routes, remote_models=["fault-4"]) as weir:
            key = weir.account()
            weir.start()
            self.assertEqual(weir.chat(key, "strict").status, 502)
            weir.stop_cleanly(self)

    def test_to_the_engine(self):
        routes = "  either: {plan: [fault-4, local-v4], fall_back_on: [server_error]}\n"
        with Mock() as mock, Weir(upstream=mock.base_url, routes=routes, remote_models=["fault-4"]) as weir:
            key = weir.account()
            weir.start()
            for stream in (False, True):
                answer = weir.chat(key, "either", stream=stream, max_tokens=5)
                self.assertEqual((answer.status, answer.field("x-weir-endpoint")), (200, "local-v4"))
            weir.stop_cleanly(self)


class HangUp(unittest.TestCase):
    def hang_up(self, weir, key, model, n_events, stream=True):
        """Closes the connection after n_events events (0: as soon as the request is out)."""
        body = {"model": model, "stream": stream, "max_tokens": 400, "messages": [{"role": "user", "content": "Hello"}]}
        with wire.Connection(weir.api) as connection:
            connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key),
                                               json.dumps(body).encode()))
            if n_events:
                events = connection.stream(connection.head())
                for _, _ in zip(range(n_events), events):
                    pass

    def settled(self, weir, n_requests):
        weir.wait_until(lambda: weir.balance()[1] == 0 and
                        sum(row["requests"] for row in weir.report()) == n_requests, "the request to be settled")

    def recorded(self, weir, n_requests):
        samples = weir.scrape()
        return samples if metric(samples, "weir_requests_total") == n_requests else None

    def test_remote_at_every_chunk(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=["ok-n12-ms25"]) as weir:
            key = weir.account(credit="100.00")
            weir.start()
            for k in range(1, 13):
                self.hang_up(weir, key, "ok-n12-ms25", k)
                self.settled(weir, k)
            rows = {row["outcome"]: row for row in weir.report("--by", "outcome")}
            self.assertGreaterEqual(rows["client_gone"]["requests"], 10)
            self.assertGreater(rows["client_gone"]["input_uncached"], 0)
            self.assertGreater(rows["client_gone"]["output_answer"], 0)
            gone = [entry for entry in mock.log() if entry["ended"] == "client_gone"]
            self.assertGreaterEqual(len(gone), 10)  # the upstream was told to stop
            self.assertTrue(all(entry["output_tokens"] <= 12 for entry in gone))
            weir.verify()
            weir.stop_cleanly(self)

    def test_local_at_many_chunks(self):
        with Weir() as weir:
            key = weir.account(credit="100.00")
            weir.start()
            for n, k in enumerate((1, 2, 3, 5, 8, 13, 21), 1):
                self.hang_up(weir, key, "deepseek-v4", k)
                self.settled(weir, n)
            row, = weir.report()
            samples = weir.wait_until(lambda: self.recorded(weir, 7), "the records of seven requests")
            self.assertEqual(row["input_uncached"], metric(samples, "weir_engine_prefill_tokens_total"))
            self.assertEqual(row["cache_read"], metric(samples, "weir_engine_cached_tokens_total"))
            self.assertEqual(row["output_answer"] + row["output_reasoning"], metric(samples, "weir_engine_decode_tokens_total"))
            self.assertEqual(metric(samples, "weir_tokens_total"), metric(samples, "weir_engine_prefill_tokens_total") +
                             metric(samples, "weir_engine_cached_tokens_total") +
                             metric(samples, "weir_engine_decode_tokens_total"))
            self.assertGreater(metric(samples, "weir_requests_total", outcome="client_gone"), 3)
            self.assertEqual(metric(samples, "weir_engine_batch_sequences"), 0)
            weir.verify()
            weir.stop_cleanly(self)

    def test_before_anything_came(self):
        with Mock() as mock, Weir(upstream=mock.base_url, remote_models=["fault-2", "fault-6"],
                                  timeouts="{ttft: 60s}") as weir:
            key = weir.account(credit="100.00")
            weir.start()
            n = 0
            for model in ("fault-2", "fault-6"):
                for stream in (True, False):
                    n += 1
                    before = len(mock.log())
                    body = {"model": model, "stream": stream, "max_tokens": 40,
                            "messages": [{"role": "user", "content": "Hello"}]}
                    with wire.Connection(weir.api) as connection:
                        connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key),
                                                           json.dumps(body).encode()))
                        weir.wait_until(lambda: len(mock.log()) > before, "the request to reach the upstream")
                    self.settled(weir, n)
            row, = weir.report("--by", "outcome")
            self.assertEqual(row["outcome"], "client_gone")
            self.assertGreater(row["input_uncached"], 0)  # dispatched: the prompt is paid
            self.assertEqual(row["output_answer"], 0)
            weir.verify()
            weir.stop_cleanly(self)
