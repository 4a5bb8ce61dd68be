"""The alerts and the board of deploy/prometheus against what a running program exposes."""
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

import wire
from mock import Mock
from weir import PATIENCE, ROOT, Weir

RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
BOARD = ROOT / "deploy" / "prometheus" / "grafana.json"
NAME = re.compile(r"\bweir_[a-z_]+\b")


def board_queries():
    return [target["expr"] for panel in json.loads(BOARD.read_text())["panels"] for target in panel["targets"]]


def traffic(weir, key):
    for stream in (False, True):
        weir.chat(key, "mock", stream=stream, max_tokens=5)
        weir.chat(key, stream=stream, max_tokens=5)


class Observability(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())
        cls.weir = cls.enterClassContext(Weir(
            upstream=cls.mock.base_url, routes='  try: {plan: [mock], canary: {endpoint: trial, percent: "5"}}\n',
            endpoints="  trial: {upstream: up, model: ok-n5, n_ctx: 1000, output_tokens_max: 100, price: remote}\n"))
        cls.key = cls.weir.account()
        cls.weir.start()

    def test_every_family_that_is_named_is_there(self):
        traffic(self.weir, self.key)
        exposed = {re.sub(r"\{.*", "", sample) for sample in self.weir.scrape()}
        for file in (RULES, BOARD):
            named = set(NAME.findall(file.read_text()))
            self.assertGreater(len(named), 8)
            self.assertEqual(named - exposed, set(), file.name)

    @unittest.skipUnless(shutil.which("promtool"), "no promtool: the package prometheus is not installed")
    def test_promtool_takes_the_rules(self):
        subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True, timeout=PATIENCE)

    @unittest.skipUnless(shutil.which("prometheus"), "no prometheus: the package is not installed")
    def test_every_query_of_the_board_gives_a_series(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()
            free.close()
            config = Path(folder) / "prometheus.yml"
            host, port = self.weir.metrics_address
            config.write_text(
                f"global: {{scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 200ms}}\n"
                f"rule_files: [{json.dumps(str(RULES))}]\n"
                f"scrape_configs: [{{job_name: weir, static_configs: [{{targets: ['{host}:{port}']}}]}}]\n")
            with open(Path(folder) / "log", "w") as log:
                process = subprocess.Popen(
                    ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address={address[0]}:{address[1]}"], stdout=log, stderr=log)
            try:
                self.wait_for_series(address, board_queries() + ["weir:requests:rate5m"])
            finally:
                process.kill()
                process.wait()

    def wait_for_series(self, address, queries):
        deadline = time.monotonic() + PATIENCE
        missing = queries
        while missing:
            self.assertLess(time.monotonic(), deadline, missing)
            traffic(self.weir, self.key)
            missing = [query for query in missing if not self.series(address, query)]

    def series(self, address, query):
        try:
            answer = wire.request(address, "GET", "/api/v1/query?" + urllib.parse.urlencode({"query": query}))
        except OSError:  # it has not begun to listen
            return []
        return answer.json()["data"]["result"] if answer.status == 200 else []
