#!/usr/bin/env python3
"""A light account beside one with 200 streams at an upstream with 64 places: fairness.py [--build DIR] [--requests 200].

Prints p50 and p99 of the time to the light account's first word, alone and beside the others; the upstream takes 100 ms
to its own first word, and a stream 1.1 s. Bound: p99 at most 1.5 times as long.
"""
import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
N_PLACES, N_HEAVY = 64, 200
MODEL = "ok-n20-ms50-first100"


def first_word(weir, wire, key):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 20}
    with wire.Connection(weir.api, timeout=120) as connection:
        began = time.perf_counter()
        connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key), json.dumps(body).encode()))
        data = b""
        while b'"content":"' not in data:
            piece = connection.socket.recv(65536)
            if not piece or (data and not data.startswith(b"HTTP/1.1 200")):
                raise SystemExit(f"no stream: {data[:400]}")
            data += piece
        took = time.perf_counter() - began
        while not data.endswith(b"0\r\n\r\n"):
            piece = connection.socket.recv(65536)
            if not piece:
                raise SystemExit(f"a cut stream: {data[-400:]}")
            data = data[-64:] + piece
    return took * 1e3


def figures(times):
    times = sorted(times)
    return times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.99))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--requests", type=int, default=200)
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(Path(arguments.build).resolve())
    import wire
    from mock import Mock
    from weir import Weir
    with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=[MODEL],
                              timeouts="{connect: 60s, ttft: 60s, idle: 60s, total: 120s}") as weir:
        weir.write_config(weir.config.read_text().replace(
            'api_key: "sk-upstream"',
            f'api_key: "sk-upstream", n_inflight_max: {N_PLACES}, n_queued_max: 1000, queue_time_max: 60s'))
        heavy, light = weir.account("heavy", credit="100000.00"), weir.account("light", credit="1000.00")
        weir.start()
        alone = figures([first_word(weir, wire, light) for _ in range(arguments.requests)])
        ended = threading.Event()

        def stream():
            while not ended.is_set():
                first_word(weir, wire, heavy)

        threads = [threading.Thread(target=stream) for _ in range(N_HEAVY)]
        for thread in threads:
            thread.start()
        weir.wait_until(lambda: 'weir_upstream_waiting{upstream="up"}' in (s := weir.scrape())
                        and s['weir_upstream_waiting{upstream="up"}'] >= N_HEAVY - N_PLACES - 10, "a queue")
        beside = figures([first_word(weir, wire, light) for _ in range(arguments.requests)])
        ended.set()
        for thread in threads:
            thread.join()
        print(f"first word, p50 / p99: alone {alone[0]:.1f} / {alone[1]:.1f} ms, beside {N_HEAVY} streams "
              f"{beside[0]:.1f} / {beside[1]:.1f} ms: {beside[1] / alone[1]:.2f} times at p99")
        raise SystemExit(weir.stop())


if __name__ == "__main__":
    main()
