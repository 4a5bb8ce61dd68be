#!/usr/bin/env python3
"""Asks the demo model the held-out questions over HTTP, as a client would, and says how many it answers rightly.

    python3 engine/demo/evaluate.py [--model DIRECTORY] [--build build/release] [--show]

Greedy, through `weir serve`: at each effort the 50 questions, the second set and the fresh one; the ten tool calls and ten
fresh ones; sums.
"""
import argparse
import json
import os
import sys
import time
from pathlib import Path

import judge

ROOT = Path(__file__).resolve().parents[2]
EFFORTS = ("none", "low", "high")
sys.path.insert(0, str(ROOT / "tests" / "integration"))


def body(question, effort, **members):
    return {"messages": [{"role": "user", "content": question}], "temperature": 0, "reasoning_effort": effort, "max_tokens": 400, **members}


class Asked:
    """Answers to one set of questions."""

    def __init__(self):
        self.right, self.wrong, self.n_reasoning, self.seconds = 0, [], 0, []

    def __str__(self):
        n = self.right + len(self.wrong)
        return f"{self.right} of {n} right, {self.n_reasoning / n:.1f} reasoning tokens, longest {max(self.seconds):.2f} s"


def ask_all(ask, entries, is_right, request):
    """`ask` sends a body and gives the answer's JSON back; `is_right(entry, message)`."""
    asked = Asked()
    for entry in entries:
        begun = time.monotonic()
        answer = ask(request(entry))
        asked.seconds.append(time.monotonic() - begun)
        message = answer["choices"][0]["message"]
        asked.n_reasoning += (answer["usage"].get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
        if is_right(entry, message):
            asked.right += 1
        else:
            asked.wrong.append((entry["question"], message.get("content"), message.get("tool_calls")))
    return asked


def questions(ask, effort, entries=None):
    return ask_all(ask, entries or judge.questions(), lambda entry, message: judge.is_right(entry, message.get("content") or ""),
                   lambda entry: body(entry["question"], effort))


def calls_of(message):
    return [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()]


def tool_calls(ask, effort, entries=None):
    return ask_all(ask, entries or judge.tool_calls(), lambda entry, message: judge.is_right_call(entry, calls_of(message)),
                   lambda entry: body(entry["question"], effort, tools=judge.tools(entry["tools"])))


def sums(ask, effort):
    """Every seventh sum, difference and product of the small numbers."""
    problems = [(f"What is {a} {op} {b}?", c) for a in range(21) for b in range(21)
                for op, c in (("+", a + b), ("-", a - b), ("*", a * b)) if c >= 0 and (op != "*" or max(a, b) <= 10)]
    entries = [{"question": question, "result": c} for question, c in problems[::7]]
    return ask_all(ask, entries, lambda entry, message: (message.get("content") or "").strip().endswith(f"= {entry['result']}."),
                   lambda entry: body(entry["question"], effort))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "engine" / "demo" / "model")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--show", action="store_true", help="print what was answered wrongly")
    arguments = parser.parse_args()
    os.environ["WEIR_BUILD"] = str(arguments.build.resolve())
    from weir import Weir

    with Weir(model=arguments.model.resolve()) as weir:
        key = weir.account()
        weir.start()

        def ask(members):
            answer = weir.chat(key, **members)
            if answer.status != 200:
                raise SystemExit(f"{answer.status}: {answer.body.decode()}")
            return json.loads(answer.body)

        ask(body("Hello", "none"))  # the first answer pages the weights in
        for name, run in (("questions", questions), ("second set", lambda ask, effort: questions(ask, effort, judge.second_questions())),
                          ("fresh set", lambda ask, effort: questions(ask, effort, judge.fresh_questions())),
                          ("tool calls", tool_calls),
                          ("fresh calls", lambda ask, effort: tool_calls(ask, effort, judge.fresh_tool_calls())), ("sums", sums)):
            for effort in EFFORTS:
                asked = run(ask, effort)
                print(f"{name:11}  {effort:4}  {asked}", flush=True)
                if arguments.show:
                    for line in asked.wrong:
                        print("    ", *line, sep="\n       ")


if __name__ == "__main__":
    sys.exit(main())
