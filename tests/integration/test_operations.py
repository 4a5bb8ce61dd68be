"""What an operator does: keys, reload, drain, certificates, broken files, an empty network."""
import json
import os
import shutil
import signal
import ssl
import stat
import subprocess
import sys
import unittest
from pathlib import Path

import wire
from mock import Mock
from weir import MODEL, PROGRAM, ROOT, Weir, metric


class UnixSocket(unittest.TestCase):
    def serve(self, listen=""):
        self.mock = self.enterContext(Mock())
        self.weir = self.enterContext(Weir(upstream=self.mock.base_url, local=False, listen=f", socket: api.sock{listen}"))
        self.path = self.weir.folder / "api.sock"
        self.key = self.weir.account()

    def ask(self, **members):
        body = {"model": "mock", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20, **members}
        return wire.post_json(str(self.path), "/v1/chat/completions", body, self.key)

    def test_is_the_same_api(self):
        self.serve(", n_io_threads: 2")
        self.weir.start()
        self.weir.wait_for_log(r"listening api unix:api\.sock$")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o660)
        for _ in range(4):  # on both io threads
            self.assertEqual(self.ask().status, 200)
            streamed = self.ask(stream=True)
            self.assertEqual((streamed.status, streamed.done()), (200, True), streamed)
        self.assertEqual(self.weir.chat(self.key, "mock").status, 200)
        with wire.Connection(str(self.path)) as connection:  # kept alive
            for _ in range(3):
                connection.send(wire.request_bytes("GET", "/v1/models", wire.json_fields(self.key)))
                self.assertEqual(connection.answer().status, 200)
        listening = json.loads(self.weir.run("show", "--json").stdout)["listening"]
        self.assertEqual((listening["api"], listening["socket"]), ("%s:%d" % self.weir.api, "unix:api.sock"))
        # It counts as loopback where a key may be used from there alone.
        near = self.weir.run("key", "create", "demo", "--from", "127.0.0.1/32").stdout.strip()
        self.assertEqual(wire.request(str(self.path), "GET", "/v1/models", [("authorization", f"Bearer {near}")]).status, 200)
        self.weir.stop_cleanly(self)
        self.assertFalse(self.path.exists())

    def test_a_dead_socket_is_replaced_and_nothing_else(self):
        self.serve()
        self.weir.start()
        self.weir.kill()
        self.assertTrue(self.path.is_socket())
        self.weir.start()
        self.assertEqual(self.ask().status, 200)
        # One that is alive stays its server's.
        with Weir(upstream=self.mock.base_url, local=False, listen=f', socket: "{self.path}"') as other:
            other.account()
            refused = other.run("serve", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"cannot listen on unix:{self.path}: Address already in use", refused.stderr)
        self.assertEqual(self.ask().status, 200)
        self.weir.stop_cleanly(self)
        self.path.write_text("somebody's notes")
        refused = self.weir.run("serve", check=False)
        self.assertEqual((refused.returncode, self.path.read_text()), (1, "somebody's notes"))
        self.assertIn("Address already in use", refused.stderr)

    def test_a_path_has_a_bound(self):
        self.serve()
        self.weir.write_config(self.weir.config.read_text().replace("api.sock", "a" * 108))
        refused = self.weir.run("check", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("listen.socket: has 108 bytes; the path of a socket has at most 107", refused.stderr + refused.stdout)


class Keys(unittest.TestCase):
    def test_without_a_key_nobody_is_served_and_a_line_says_what_to_do(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            weir.start()
            weir.wait_for_log(r"weir .*key create")
            self.assertEqual(weir.chat("sk-weir-any", "mock").status, 401)
            key = weir.account()  # sent to the running owner: works at once
            self.assertEqual(weir.get("/v1/models", key).status, 200)
            weir.stop_cleanly(self)

    def test_without_a_key_only_loopback_is_listened_on(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1", address="0.0.0.0") as weir:
            result = weir.run("serve", check=False)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn("key create", result.stderr)
            self.assertNotIn("listening api", result.stderr)
            weir.account()
            weir.start()
            weir.stop_cleanly(self)

    def test_changes_go_to_the_running_owner(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account(credit=None)
            weir.start()
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 429)
            weir.run("credit", "add", "demo", "1.50")
            self.assertEqual(weir.chat(key, "mock", max_tokens=5).status, 200)
            self.assertEqual(weir.balance()[0], 1_500_000_000)
            again = weir.run("account", "create", "demo", check=False)
            self.assertEqual(again.returncode, 1)
            self.assertEqual(weir.run("credit", "add", "demo", "-1", check=False).returncode, 1)
            weir.stop_cleanly(self)
            self.assertEqual(weir.balance()[0], 1_500_000_000)
            weir.verify()

    def test_one_owner(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            weir.account()
            weir.start()
            second = weir.run("serve", check=False)
            self.assertEqual(second.returncode, 1, second.stderr)
            self.assertNotIn("listening api", second.stderr)
            weir.stop_cleanly(self)

    def test_secrets_are_for_their_owner(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            weir.account()
            weir.start()
            for suffix in (".pepper", ".sock"):
                mode = os.stat(str(weir.ledger) + suffix).st_mode
                self.assertEqual(stat.S_IMODE(mode), 0o600, suffix)
            weir.stop_cleanly(self)
            self.assertFalse(os.path.exists(str(weir.ledger) + ".sock"))


class Reload(unittest.TestCase):
    def test_good_and_bad_files(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False) as weir:
            key = weir.account()
            weir.start()
            self.assertEqual(weir.chat(key, "other", max_tokens=2).status, 404)
            good = weir.config.read_text()
            weir.write_config(good.replace("  mock: {plan: [mock]", "  mock: {aliases: [other], plan: [mock]"))
            weir.signal(signal.SIGHUP)
            weir.wait_until(lambda: weir.chat(key, "other", max_tokens=2).status == 200, "the alias")
            self.assertEqual(metric(weir.scrape(), "weir_config_last_reload_success"), 1)

            weir.write_config(good + "surprise: 1\n")
            weir.signal(signal.SIGHUP)
            weir.wait_for_log(r"weir\.yaml:\d+:\d+.*surprise")
            self.assertEqual(weir.chat(key, "other", max_tokens=2).status, 200)  # the last good one stays
            self.assertEqual(metric(weir.scrape(), "weir_config_last_reload_success"), 0)

            weir.write_config(good)
            weir.signal(signal.SIGHUP)
            weir.wait_until(lambda: weir.chat(key, "other", max_tokens=2).status == 404, "the alias to go")
            weir.stop_cleanly(self)

    def test_a_reload_does_not_touch_open_streams(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=["ok-n40-ms20"]) as weir:
            key = weir.account()
            weir.start()
            with wire.Connection(weir.api) as connection:
                connection.send(stream_request(key, "ok-n40-ms20"))
                answer = connection.head()
                events = connection.stream(answer)
                next(events)
                weir.write_config(weir.config.read_text().replace("  ok-n40-ms20: {plan", "  renamed: {plan"))
                weir.signal(signal.SIGHUP)
                weir.wait_until(lambda: weir.chat(key, "ok-n40-ms20").status == 404, "the reload")
                self.assertEqual(list(events)[-1], "[DONE]")
            weir.stop_cleanly(self)


class Drain(unittest.TestCase):
    def test_open_streams_end_and_new_connections_are_refused(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, remote_models=["ok-n40-ms20"]) as weir:
            key = weir.account()
            weir.start()
            with wire.Connection(weir.api) as connection, wire.Connection(weir.api) as idle:
                connection.send(stream_request(key, "ok-n40-ms20"))
                answer = connection.head()
                events = connection.stream(answer)
                next(events)
                weir.signal(signal.SIGTERM)
                self.assertTrue(idle.closes())
                weir.wait_until(lambda: refuses(weir.api), "new connections to be refused")
                self.assertEqual(list(events)[-1], "[DONE]")
                self.assertTrue(connection.closes())
            self.assertEqual(weir.wait_exit(), 0)
            self.assertEqual([row["requests"] for row in weir.report("--by", "outcome")], [1])
            weir.verify()

    def test_what_does_not_end_is_ended(self):
        with Mock() as mock, Weir(upstream=mock.base_url, local=False, listen=", drain_time: 300ms",
                                  remote_models=["ok-n1000-ms50"]) as weir:
            key = weir.account()
            weir.start()
            with wire.Connection(weir.api) as connection:
                connection.send(stream_request(key, "ok-n1000-ms50"))
                answer = connection.head()
                events = connection.stream(answer)
                next(events)
                weir.signal(signal.SIGTERM)
                self.assertNotIn("[DONE]", list(events))
                self.assertFalse(answer.complete)
            self.assertEqual(weir.wait_exit(), 0)
            self.assertEqual(weir.balance()[1], 0)
            self.assertEqual(sum(row["requests"] for row in weir.report()), 1)
            weir.verify()


class Tls(unittest.TestCase):
    def test_a_certificate_is_read_again(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            certificate, key_file = weir.folder / "cert.pem", weir.folder / "key.pem"

            def make(name):
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                "-keyout", key_file, "-out", certificate, "-days", "2", "-subj", f"/CN={name}"],
                               check=True, capture_output=True)

            def served():
                pem = ssl.get_server_certificate(weir.api)
                return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True,
                                      text=True, check=True).stdout

            make("first")
            text = weir.config.read_text()
            weir.write_config(text.replace("metrics:", f'tls: {{certificate: "{certificate}", private_key: "{key_file}"}}\nmetrics:', 1))
            key = weir.account()
            weir.start()
            trust = ssl._create_unverified_context()
            answer = wire.request(weir.api, "GET", "/v1/models", [("authorization", f"Bearer {key}")], tls=trust)
            self.assertEqual(answer.status, 200)
            self.assertIn("first", served())
            make("second")
            weir.signal(signal.SIGHUP)
            weir.wait_until(lambda: "second" in served(), "the new certificate")
            certificate.write_text("no certificate")
            weir.signal(signal.SIGHUP)
            weir.wait_until(lambda: metric_of(weir) == 0, "the refusal")
            self.assertIn("second", served())
            weir.stop_cleanly(self)


class Models(unittest.TestCase):
    def broken(self, spoil, *words):
        """Serving a spoilt copy of the demo model must end in one line that says what and where."""
        with Weir() as weir:
            model = weir.folder / "model"
            shutil.copytree(MODEL, model)
            spoil(model)
            weir.write_config(weir.config.read_text().replace(f'"{MODEL}"', f'"{model}"'))
            result = weir.run("serve", check=False)
            self.assertEqual(result.returncode, 1, result.stderr)
            lines = result.stderr.strip().splitlines()
            self.assertEqual(len(lines), 1, result.stderr)
            for word in (str(model), *words):
                self.assertIn(word, lines[0])

    def test_broken_model_files(self):
        weights = next(MODEL.glob("*.safetensors")).name

        def cut(model):
            data = (model / weights).read_bytes()
            (model / weights).write_bytes(data[:len(data) // 2])

        def garble_header(model):
            data = bytearray((model / weights).read_bytes())
            data[8:40] = b"\xff" * 32
            (model / weights).write_bytes(data)

        def huge_header(model):
            data = bytearray((model / weights).read_bytes())
            data[:8] = b"\xff" * 8
            (model / weights).write_bytes(data)

        self.broken(shutil.rmtree)
        self.broken(lambda model: (model / "config.json").unlink(), "config.json")
        self.broken(lambda model: (model / "config.json").write_text("{"), "config.json")
        self.broken(lambda model: (model / "tokenizer.json").write_text("[]"), "tokenizer.json")
        self.broken(cut, weights)
        self.broken(garble_header, weights)
        self.broken(huge_header, weights)


class CommandLine(unittest.TestCase):
    def run_weir(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)

    def test_version_lists_the_libraries(self):
        version = json.loads(self.run_weir("--version", "--json").stdout)
        self.assertRegex(version["weir"], r"^\d+\.\d+\.\d+$")
        linked = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout
        for library, name in (("ssl", "openssl"), ("sqlite3", "sqlite"), ("curl", "curl"), ("yaml-cpp", "yaml_cpp"),
                              ("pcre2", "pcre2"), ("simdjson", "simdjson"), ("prometheus", "prometheus_cpp"),
                              ("spdlog", "spdlog"), ("fmt", "fmt")):
            if f"lib{library}" in linked:
                self.assertRegex(version["libraries"][name], r"^\d")
        self.assertTrue(version["libraries"]["boost"].startswith("1.81"))

    def test_wrong_usage(self):
        for arguments in ([], ["nonsense"], ["serve", "--nonsense"], ["credit", "add", "x"], ["report", "--json", "--csv"]):
            result = self.run_weir(*arguments)
            self.assertEqual(result.returncode, 2, (arguments, result))
            self.assertTrue(result.stderr)

    def test_help(self):
        for arguments in (["--help"], ["serve", "--help"], ["key", "create", "--help"], ["report", "--help"]):
            result = self.run_weir(*arguments)
            self.assertEqual(result.returncode, 0, arguments)
            self.assertTrue(result.stdout)

    def test_the_config_option_stands_anywhere(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            self.assertEqual(self.run_weir("-c", str(weir.config), "check").returncode, 0)
            self.assertEqual(self.run_weir("check", str(weir.config)).returncode, 0)
            self.assertEqual(self.run_weir("account", "create", "x", "-c", str(weir.config)).returncode, 0)
            self.assertEqual(self.run_weir("account", "-c", str(weir.config), "show", "x").returncode, 0)

    def test_check_names_the_place(self):
        with Weir(local=False, upstream="http://127.0.0.1:1/v1") as weir:
            weir.write_config(weir.config.read_text().replace("ledger:", "leger:"))
            result = self.run_weir("check", str(weir.config))
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stdout + result.stderr, r"weir\.yaml:4:1: .*leger.*ledger")

    def test_the_example_is_good(self):
        result = subprocess.run([PROGRAM, "check", "deploy/weir.yaml"], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)


class EmptyNetwork(unittest.TestCase):
    def test_the_program_runs_with_loopback_only(self):
        probe = subprocess.run(["unshare", "-n", "true"], capture_output=True)
        if probe.returncode:
            self.skipTest("no right to make a network namespace")
        script = Path(__file__).parent / "empty_network.py"
        result = subprocess.run(["unshare", "-n", sys.executable, script], capture_output=True, text=True,
                                env=os.environ, timeout=240)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("served", result.stdout)


def stream_request(key, model):
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    return wire.request_bytes("POST", "/v1/chat/completions", wire.json_fields(key), json.dumps(body).encode())


def metric_of(weir):
    return metric(weir.scrape(), "weir_config_last_reload_success")


def refuses(address):
    try:
        wire.Connection(address).close()
    except ConnectionRefusedError:
        return True
    return False
