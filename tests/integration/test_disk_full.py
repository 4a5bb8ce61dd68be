"""A disk without room: new paid work is refused with 503, nothing acknowledged is lost, and room heals it."""
import os
import subprocess
import tempfile
import unittest

from mock import Mock
from weir import Weir, nano


class SmallDisk:
    """A tmpfs of a few megabytes. Needs the right to mount."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="weir-disk-")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "weir-test", self.folder], capture_output=True)
        if mounted.returncode:
            os.rmdir(self.folder)
            raise unittest.SkipTest("no right to mount a small disk")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=True)
        os.rmdir(self.folder)

    def fill(self):
        with open(os.path.join(self.folder, "ballast"), "wb", buffering=0) as ballast:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        ballast.write(b"x" * size)
                except OSError:
                    pass

    def empty(self):
        os.remove(os.path.join(self.folder, "ballast"))


class DiskFull(unittest.TestCase):
    def test_full_and_room_again(self):
        with SmallDisk() as disk, Mock() as mock, \
                Weir(upstream=mock.base_url, ledger=os.path.join(disk.folder, "weir.db")) as weir:
            key = weir.account()
            weir.start()
            n_answered = 0
            for model in ("mock", "deepseek-v4"):
                self.assertEqual(weir.chat(key, model, max_tokens=3).status, 200)
                n_answered += 1
            disk.fill()
            refused = 0
            for i in range(200):  # until what SQLite had in reserve is used up, then some more
                answer = weir.chat(key, ("mock", "deepseek-v4")[i % 2], stream=i % 4 > 1, max_tokens=3)
                if answer.status == 200:
                    self.assertEqual(refused, 0, "served again while the disk is full")
                    self.assertTrue(answer.complete)
                    n_answered += 1
                    continue
                self.assertEqual(answer.status, 503, answer)
                self.assertEqual(answer.error()["type"], "server_error")
                refused += 1
                if refused == 20:
                    break
            self.assertEqual(refused, 20)
            self.assertEqual(weir.get("/v1/models", key).status, 200)  # what costs nothing is served

            disk.empty()
            weir.wait_until(lambda: weir.chat(key, "mock", max_tokens=3).status == 200, "service again")
            n_answered += 1
            _, reserved, spent = weir.balance()
            self.assertEqual(reserved, 0)
            self.check_books(weir, n_answered, spent)
            weir.stop_cleanly(self)
            self.check_books(weir, n_answered, spent)

    def test_killed_while_full(self):
        with SmallDisk() as disk, Mock() as mock, \
                Weir(upstream=mock.base_url, local=False, ledger=os.path.join(disk.folder, "weir.db")) as weir:
            key = weir.account()
            weir.start()
            n_answered = sum(weir.chat(key, "mock", max_tokens=3).status == 200 for _ in range(5))
            self.assertEqual(n_answered, 5)
            disk.fill()
            for _ in range(200):
                if weir.chat(key, "mock", max_tokens=3).status == 503:
                    break
                n_answered += 1
            weir.kill()
            disk.empty()
            weir.start()
            _, reserved, spent = weir.balance()
            self.assertEqual(reserved, 0)
            self.check_books(weir, n_answered, spent)
            weir.stop_cleanly(self)

    def check_books(self, weir, n_answered, spent):
        weir.verify()
        rows = weir.report("--by", "outcome")
        charged = [row for row in rows if row["output_answer"] + row["output_reasoning"] > 0]
        self.assertEqual(sum(row["requests"] for row in charged), n_answered, rows)
        self.assertEqual(sum(nano(row["usd"]) for row in rows), spent)
