#!/usr/bin/env python3
"""Holds the demo model's training text to the held-out set, which it must not know, and to the program it talks about.

check_demo_text.py WEIR [N_DIALOGUES]
"""
import random
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "engine" / "demo"))
sys.dont_write_bytecode = True

import judge  # noqa: E402
from dialogues import Dialogues  # noqa: E402
from grammar import TEXT, Grammar  # noqa: E402

N_INTENTS_MIN, N_PARAPHRASES_MIN, N_WORDS_MAX = 60, 20, 40


def held_out_is_unknown(n_dialogues):
    source = Dialogues("check")
    for _ in range(n_dialogues):
        yield from judge.leaks(source.draw().texts())
    for path in sorted(TEXT.iterdir()):
        yield from judge.leaks(path.read_text(encoding="utf-8").splitlines())


def leaks_are_seen():
    """The check itself: each entry of the set, said as it is or inside a longer text, is a leak."""
    for entry in judge.questions() + judge.second_questions() + judge.tool_calls():
        if not any(judge.leaks([entry["question"].upper()])):
            yield f"not seen as a leak: {entry['question']}"
    for entry in judge.questions():
        if len(judge.words(entry["question"])) > judge.N_SHARED_WORDS_MAX and not any(judge.leaks([f"well, {entry['question']} yes"])):
            yield f"not seen inside a text: {entry['question']}"


def intents_are_broad(grammar):
    about_weir = [intent for intent in grammar.intents if intent.about_weir]
    if len(about_weir) < N_INTENTS_MIN:
        yield f"{len(about_weir)} intents about Weir"
    rng = random.Random("paraphrases")
    for intent in grammar.intents:
        n = len({grammar.question(intent, rng) for _ in range(300)})
        if n < N_PARAPHRASES_MIN:
            yield f"{intent.name}: {n} paraphrases"
        if not intent.answer.endswith((".", "!", "?")) or len(intent.answer.split()) > N_WORDS_MAX:
            yield f"{intent.name}: {intent.answer}"


def answers_are_true(grammar, weir):
    """Commands and options exist in the program's own help, keys in the reference of the config, files in the tree."""
    reference = (ROOT / "deploy" / "config.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"`(\w+)`", reference))
    for intent in grammar.intents:
        for code in re.findall(r"`([^`]+)`", intent.answer):
            words = code.split()
            if words[0] == "weir":
                command = [word for word in words[1:] if re.fullmatch(r"[a-z]+", word)]
                help_text = subprocess.run([weir, *command, "--help"], capture_output=True, text=True)
                missing = [word for word in words if word.startswith("-") and word not in help_text.stdout
                           and word not in ("-c", "--version")]
                if help_text.returncode or "Usage: weir " + " ".join(command) not in help_text.stdout or missing:
                    yield f"{intent.name}: `{code}` is no command of the program {missing}"
            elif re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", code) and not (ROOT / code).exists() and not code.endswith((".yaml", ".db")):
                if not set(code.split(".")) <= keys:
                    yield f"{intent.name}: {code} is no key of the config"
            elif "/" in code and re.fullmatch(r"(\./)?(deploy|tests)/[\w./]+", words[0]) and not (ROOT / words[0]).exists():
                yield f"{intent.name}: there is no {words[0]}"


def main():
    weir, n_dialogues = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    grammar = Grammar()
    found = [*held_out_is_unknown(n_dialogues), *leaks_are_seen(), *intents_are_broad(grammar), *answers_are_true(grammar, weir)]
    for line in found:
        print(line)
    print(f"demo text: {len(grammar.intents)} intents, {n_dialogues} dialogues, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
