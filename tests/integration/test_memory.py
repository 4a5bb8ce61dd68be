"""What a client that does not read costs: its stream waits at the upstream, not in our memory."""
import json
import unittest
from pathlib import Path

import wire
from mock import Mock
from weir import PATIENCE, Weir

HUGE = "ok-n200000-b1000"  # 200 MB of text
N_STILL = 50  # looks at 10 ms each at which nothing more has been sent


class SlowReader(unittest.TestCase):
    def test_two_hundred_megabytes_that_nobody_reads(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=[HUGE],
                                  timeouts="{connect: 10s, ttft: 10s, idle: 10s, total: 20m}") as weir:
            key = weir.account(credit="1000000.00")
            weir.start()
            self.assertEqual(weir.chat(key, "mock", stream=True, max_tokens=5).status, 200)  # warm

            def rss_kib():
                status = Path(f"/proc/{weir.process.pid}/status").read_text()
                return int(status.split("VmRSS:")[1].split()[0])

            before = rss_kib()
            body = {"model": HUGE, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 100_000}
            with wire.Connection(weir.api, timeout=PATIENCE) as connection:
                connection.send(wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key), json.dumps(body).encode()))
                connection.head()
                sent = []

                def is_still():
                    sent.append(mock.log()[-1]["output_tokens"])
                    return len(sent) > N_STILL and sent[-1] > 0 and len(set(sent[-N_STILL:])) == 1
                weir.wait_until(is_still, "the upstream to be held up")
                self.assertLess(sent[-1], 100_000, "the kernel's buffers took all of it: nothing was held up")
                self.assertLessEqual(rss_kib() - before, 1024)
                self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)  # others go on
            weir.wait_until(lambda: weir.balance()[1] == 0, "the hold to end")
            weir.stop_cleanly(self)


if __name__ == "__main__":
    unittest.main()
