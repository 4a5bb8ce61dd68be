"""What `weir model plan` and `weir bench` print, and how they refuse."""
import csv
import io
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from weir import PATIENCE, PROGRAM, ROOT

CONFIGS = ROOT / "tests" / "engine" / "fixtures"
DEMO = ROOT / "engine" / "demo" / "model"


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)


class Command(unittest.TestCase):
    def succeeds(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def refuses(self, code, text, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(result.stdout, "")


class Plan(Command):
    def test_text_without_weights(self):
        text = self.succeeds("model", "plan", CONFIGS / "v4-flash.config.json").stdout
        for part in ("V4-Flash, 43 layers, 284.3 G parameters, 13.27 G of them for one token", "official, as the config says",
                     "routed_experts", "156 GB", "3.685 GB", "7 %", "7.31 %", "10 %", "12.1 %", "10.0 %",
                     "baseline: DeepSeek-V3.2 with FP8 KV", "memory read at", "assumed: weights at"):
            self.assertIn(part, text)

    def test_json(self):
        plan = json.loads(self.succeeds("model", "plan", CONFIGS / "v4-pro.config.json", "--context", 4096, "--threads", 1,
                                        "--format", "gguf", "--json").stdout)
        self.assertEqual((plan["model"], plan["n_ctx"], plan["weights"]), ("V4-Pro", 4096, "gguf, as asked for"))
        self.assertIsNone(plan["of_v3_2"])
        self.assertEqual(plan["kv"]["bf16"]["bytes_growing"], 4096 * 9848)

    def test_a_checkpoint_counts_as_it_is_stored(self):
        plan = json.loads(self.succeeds("model", "plan", DEMO, "--json").stdout)
        self.assertEqual(plan["weights"], "as stored")
        size = (DEMO / "model.safetensors").stat().st_size
        self.assertLess(0.95 * size, plan["together"]["bytes"])
        self.assertLess(plan["together"]["bytes"], size)

    def test_refusals(self):
        flash = CONFIGS / "v4-flash.config.json"
        self.refuses(1, "context 1048577, the model was made for 1 to 1048576", "model", "plan", flash, "--context", 1048577)
        self.refuses(1, "none.json", "model", "plan", "none.json")
        self.refuses(2, "--context", "model", "plan", flash, "--context", "0")
        self.refuses(2, "--format", "model", "plan", flash, "--format", "q9")
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "config.json"
            other.write_text(flash.read_text().replace('"deepseek_v4"', '"llama"'))
            self.refuses(1, 'model_type: "llama"', "model", "plan", folder)
            other.write_text("{")
            self.refuses(1, "config.json", "model", "plan", folder)


class Bench(Command):
    TINY = ("--contexts", "0,128", "--batch", "1,2", "--rounds", 1, "--prompt", 16, "--seconds", 0, "--threads", 1)

    def test_csv(self):
        result = self.succeeds("bench", *self.TINY, "--numerics", "fast", DEMO)
        rows = list(csv.DictReader(io.StringIO(result.stdout), strict=True))
        self.assertEqual([(r["kind"], r["context"], r["batch"]) for r in rows],
                         [("prefill", "0", "1"), ("decode", "0", "1"), ("decode", "0", "2"),
                          ("prefill", "128", "1"), ("decode", "128", "1"), ("decode", "128", "2")])
        for row in rows:
            self.assertNotIn(None, row)
            self.assertNotIn(None, row.values())
            self.assertEqual((row["model"], row["numerics"], row["kv"], row["n_threads"]), (str(DEMO), "fast", "bf16", "1"))
            self.assertGreater(float(row["tokens_per_s"]), 0)
            self.assertGreater(float(row["read_gb_per_s"]), 0)
        self.assertIn("100 %", result.stderr)

    def test_help_states_every_column(self):
        header = self.succeeds("bench", *self.TINY, DEMO).stdout.splitlines()[0]
        words = self.succeeds("bench", "--help").stdout.split()
        for column in header.split(","):
            self.assertIn(column, [word.rstrip(":,") for word in words])

    def test_refusals(self):
        n_ctx = json.loads((DEMO / "config.json").read_text())["max_position_embeddings"]
        self.refuses(1, f"beyond the model's {n_ctx}", "bench", DEMO, "--contexts", n_ctx)
        self.refuses(1, "none", "bench", "none")
        self.refuses(1, "model_type", "bench", self.unknown_model())
        self.refuses(2, "--batch", "bench", DEMO, "--batch", "0")
        self.refuses(2, "--contexts", "bench", DEMO, "--contexts", "0,many")
        self.refuses(2, "--numerics", "bench", DEMO, "--numerics", "rough")

    def unknown_model(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for file in DEMO.iterdir():
            text = file.read_bytes()
            (Path(folder.name) / file.name).write_bytes(
                text.replace(b'"deepseek_v4"', b'"llama"') if file.name == "config.json" else text)
        return folder.name
