#!/usr/bin/env python3
"""Memory of open streams: open_streams.py [--build DIR] [--streams 9500].

Each is a client's connection with a stream that has said its first word and says nothing more, and a connection to
the upstream behind it. The machine must allow twice as many descriptors, and some. Prints KiB of RSS a stream.
"""
import argparse
import json
import os
import selectors
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
SILENT = "ok-n3-ms3600000"
AT_ONCE = 250  # below the kernel's queue of connections that nobody has taken yet


def rss_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit("no VmRSS")


def open_all(address, head, n):
    """n sockets, the first word of each stream taken off."""
    streams = []
    while len(streams) < n:
        waiting = selectors.DefaultSelector()
        for _ in range(min(AT_ONCE, n - len(streams))):
            client = socket.create_connection(address)
            client.sendall(head)
            waiting.register(client, selectors.EVENT_READ, bytearray())
            streams.append(client)
        while waiting.get_map():
            for key, _ in waiting.select():
                key.data.extend(key.fileobj.recv(65536))
                if b'"content":"' in key.data:
                    waiting.unregister(key.fileobj)
                elif not key.data.startswith(b"HTTP/1.1 200") or key.data.endswith(b"0\r\n\r\n"):
                    raise SystemExit(f"no stream: {bytes(key.data[:400])}")
        waiting.close()
    return streams


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--streams", type=int, default=9_500)
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(Path(arguments.build).resolve())
    import wire
    from mock import Mock
    from weir import Weir
    n = arguments.streams
    with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=[SILENT],
                              limits="limits: {n_requests_max: 100000, n_connections_max: 100000}\n",
                              timeouts="{connect: 60s, ttft: 60s, idle: 2h, total: 2h}") as weir:
        weir.write_config(weir.config.read_text().replace('api_key: "sk-upstream"', 'api_key: "sk-upstream", n_inflight_max: 100000'))
        key = weir.account(credit="1000000.00")
        weir.start()
        body = json.dumps({"model": SILENT, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 10}).encode()
        head = wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key), body)
        warm = open_all(weir.api, head, 100)
        before = rss_kib(weir.process.pid)
        streams = open_all(weir.api, head, n - len(warm))
        after = rss_kib(weir.process.pid)
        print(f"{n} open streams: RSS {before} KiB with {len(warm)}, {after} KiB with all: "
              f"{(after - before) / len(streams):.1f} KiB a stream")
        for client in warm + streams:
            client.close()
        weir.wait_until(lambda: weir.balance()[1] == 0, "all holds to end")
        code = weir.stop()
        raise SystemExit(code)


if __name__ == "__main__":
    main()
