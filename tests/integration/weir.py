"""The program under test: starts it over a folder of its own, speaks to it as an operator does."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import wire

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build" / "release")).resolve()
PROGRAM = BUILD / "weir"
MODEL = Path(os.environ.get("WEIR_MODEL", BUILD / "random_model"))
# Sanitizers slow everything down: each wait of a test is as long as this says.
PATIENCE = float(os.environ.get("WEIR_PATIENCE", "60"))
SHARE = float(os.environ.get("WEIR_SHARE", "1"))  # of the repetitions, where an answer of the engine takes seconds

CONFIG = """\
version: 1
listen:  {{address: {address}, port: {port}{listen}}}
metrics: {{address: 127.0.0.1, port: 0}}
ledger:  {{path: {ledger}}}
{limits}{engines}{upstreams}endpoints:
{endpoints}routes:
{routes}prices:
{prices}"""

PRICES = {
    "house": '{input: "0.20", cache_read: "0.02", output: "0.40"}',
    "remote": '{input: "5.00", cache_read: "0.50", output: "30.00"}',
    "dear": '{input: "1.00", cache_read: "1.00", output: "1000.00"}',
    "output_only": '{input: "0", cache_read: "0", output: "1000.00"}',
}

PICO = {"house": {"input_uncached": 200_000, "cache_read": 20_000, "cache_write": 200_000,
                  "output_answer": 400_000, "output_reasoning": 400_000},
        "remote": {"input_uncached": 5_000_000, "cache_read": 500_000, "cache_write": 5_000_000,
                   "output_answer": 30_000_000, "output_reasoning": 30_000_000}}


def make_random_model():
    """MODEL, unless it is there: renamed into place when whole, for several tests may start at once."""
    script = ROOT / "tests" / "support" / "random_model" / "make_model.py"
    if MODEL.exists():
        return
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        subprocess.run([sys.executable, "-B", script, Path(folder) / "model"], check=True)
        try:
            (Path(folder) / "model").rename(MODEL)
        except OSError:
            if not MODEL.exists():
                raise


def nano(usd):
    """A decimal string of USD as whole nano-dollars."""
    sign, text = (-1, usd[1:]) if usd.startswith("-") else (1, usd)
    whole, _, fraction = text.partition(".")
    assert len(fraction) <= 9 and (whole + fraction).isdigit(), usd
    return sign * (int(whole) * 10**9 + int(fraction.ljust(9, "0")))


def cost(tokens, pico):
    """What the ledger must charge: pico-dollars summed, rounded half-even once."""
    total = sum(n * pico[kind] for kind, n in tokens.items())
    quotient, rest = divmod(total, 1000)
    return quotient + (1 if rest > 500 or (rest == 500 and quotient % 2) else 0)


class Weir:
    """One ledger with its config, and at most one server over it at a time."""

    def __init__(self, upstream=None, local=True, remote_models=(), address="127.0.0.1", port=0, listen="", limits="",
                 routes="", endpoints="", ledger=None, price="remote", local_price="house", engine="",
                 folder=None, timeouts="{connect: 1s, ttft: 2s, idle: 2s, total: 60s}", program=PROGRAM,
                 model=None):
        self.own_folder = None if folder else tempfile.TemporaryDirectory(prefix="weir-")
        self.folder = Path(folder or self.own_folder.name)
        self.program = program
        self.config = self.folder / "weir.yaml"
        self.ledger = Path(ledger or self.folder / "weir.db")
        self.process = self.api = self.metrics_address = None
        self.log_lines = []
        models = dict.fromkeys(["mock", *remote_models]) if upstream else []
        endpoints += "".join(
            f'  {m}: {{upstream: up, model: "{m}", n_ctx: 1000000, output_tokens_max: 100000, '
            f"output_tokens_default: 1000, price: {price}}}\n" for m in models)
        routes += "".join(f"  {m}: {{plan: [{m}], timeouts: {timeouts}}}\n" for m in models)
        if local:
            endpoints = f"  local-v4: {{engine: v4, price: {local_price}}}\n" + endpoints
            routes = "  deepseek-v4: {plan: [local-v4], aliases: [local]}\n" + routes
        if local and model is None:
            make_random_model()
            model = MODEL
        prices = "".join(f"  {name}: {{effective_from: 2020-01-01T00:00:00Z, usd_per_million: {PRICES[name]}}}\n"
                         for name in {local_price if local else None, price if upstream else None} - {None})
        self.write_config(CONFIG.format(
            address=address, port=port, listen=listen, ledger=json.dumps(str(self.ledger)), limits=limits,
            engines=f'engines:\n  v4: {{model: "{model}", encoding: "0731", n_ctx: 2048, n_sequences_max: 8{engine}}}\n'
            if local else "",
            upstreams=f'upstreams:\n  up: {{kind: openai_compatible, base_url: "{upstream}", api_key: "sk-upstream"}}\n'
            if upstream else "",
            endpoints=endpoints, routes=routes, prices=prices))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind and self.process is not None and self.process.poll() is not None:
            self.reader.join(PATIENCE)
            print(f"the server ended by itself, {self.process.returncode}; its log:", *self.log_lines[-40:], sep="\n")
        self.kill()
        if self.own_folder:
            self.own_folder.cleanup()

    def write_config(self, text):
        self.config.write_text(text)

    # As an operator at the shell.

    def run(self, *arguments, check=True):
        result = subprocess.run([self.program, "-c", self.config, *arguments], capture_output=True, text=True,
                                timeout=PATIENCE, cwd=self.folder)
        if check and result.returncode:
            raise AssertionError(f"weir {' '.join(arguments)}: exit {result.returncode}: {result.stderr or result.stdout}")
        return result

    def account(self, name="demo", credit="10.00"):
        """A new account with credit and a key; returns the key."""
        self.run("account", "create", name)
        if credit:
            self.run("credit", "add", name, credit)
        return self.run("key", "create", "--account", name).stdout.strip()

    def balance(self, name="demo"):
        """(funds, reserved, spent) in nano-dollars."""
        shown = json.loads(self.run("account", "show", name, "--json").stdout)
        return tuple(nano(shown[field]) for field in ("funds", "reserved", "spent"))

    def report(self, *arguments):
        return json.loads(self.run("report", "--json", *arguments).stdout)

    def verify(self):
        return self.run("ledger", "verify")

    # The server.

    def start(self, wrapper=(), environment=None):
        self.log_lines = []
        self.process = subprocess.Popen(
            [*wrapper, self.program, "serve", "-c", self.config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace", cwd=self.folder,
            env={**os.environ, **environment} if environment else None)
        self.reader = threading.Thread(target=self.read_log, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        self.api = self.listener("api")
        self.metrics_address = self.listener("metrics")
        return self

    def read_log(self, pipe):
        for line in pipe:
            self.log_lines.append(line.rstrip("\n"))

    def listener(self, name):
        line = self.wait_for_log(rf"listening {name} (\S+)")
        host, _, port = line[1].rpartition(":")
        return host.strip("[]"), int(port)

    def wait_for_log(self, pattern):
        """Waits for a log line; returns the match."""
        def found():
            return next((m for line in list(self.log_lines) if (m := re.search(pattern, line))), None)
        return self.wait_until(found, f"a log line {pattern}")

    def wait_until(self, condition, what):
        """Asks again until the condition holds, while the server lives and patience lasts."""
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            ended = self.process is not None and self.process.poll() is not None
            if ended:
                self.reader.join(PATIENCE)
                if value := condition():
                    break
            if ended or time.monotonic() > deadline:
                log = "\n".join(self.log_lines[-40:])
                raise AssertionError(f"waited for {what}; server {'ended' if ended else 'runs'}; its log:\n{log}")
            time.sleep(0.01)
        return value

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM, and the exit code; sanitizers' findings show in it."""
        self.process.terminate()
        return self.wait_exit()

    def wait_exit(self):
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        self.process.stderr.close()
        self.process = None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.wait_exit()

    def stop_cleanly(self, test):
        """Ends the server and holds it to a clean exit."""
        code = self.stop()
        test.assertEqual(code, 0, "\n".join(self.log_lines[-60:]))

    # As a client.

    def chat(self, key, model="deepseek-v4", stream=False, timeout=PATIENCE, fields=(), **members):
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": stream, **members}
        return wire.post_json(self.api, "/v1/chat/completions", body, key, timeout, fields)

    def get(self, target, key=None):
        return wire.request(self.api, "GET", target, [("authorization", f"Bearer {key}")] if key else [])

    def scrape(self):
        """Every sample of /metrics: {"name{label=\\"value\\"}": number}."""
        answer = wire.request(self.metrics_address, "GET", "/metrics")
        samples = {}
        for line in answer.body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples


def metric(samples, name, **labels):
    """The sum of a family's samples that carry these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(value for sample, value in samples.items()
               if sample.split("{")[0] == name and all(w in re.split(r"[{,}]", sample) for w in wanted))
