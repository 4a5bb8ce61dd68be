"""Judges answers of the demo model against the held-out set: required and forbidden words, no model in between."""
import functools
import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
N_SHARED_WORDS_MAX = 5  # the longest run of words that training text may share with a held-out question


def read(name):
    return json.loads((HERE / "heldout" / name).read_text(encoding="utf-8"))


def questions():
    """[{"question", "required", "forbidden"}]: every required word must stand in the answer, no forbidden one may."""
    return read("questions.json")


def second_questions():
    """A second set of the same kind, to judge the training text by while it is being written."""
    return read("second.json")


def fresh_questions():
    """A third set, by somebody who knew the answers that are taught and none of the text."""
    return read("fresh.json")


def tool_calls():
    """[{"question", "tools", "name", "arguments"}]: the one call that is right."""
    return read("tool_calls.json")


def fresh_tool_calls():
    return read("fresh_calls.json")


def tools(names):
    """The `tools` member of a request that offers these, in this order."""
    known = {tool["name"]: tool for tool in json.loads((HERE / "tools.json").read_text(encoding="utf-8"))}
    return [{"type": "function", "function": known[name]} for name in names]


def is_right(entry, answer):
    """Letter case does not count. An empty answer is wrong, and so is one that does not end like a sentence."""
    text = answer.strip().lower()
    return (bool(text) and text[-1] in ".!?" and all(word.lower() in text for word in entry["required"])
            and not any(word.lower() in text for word in entry["forbidden"]))


def is_right_call(entry, calls):
    """`calls`: [(name, arguments as JSON text)]. Exactly one, with exactly these arguments."""
    if len(calls) != 1 or calls[0][0] != entry["name"]:
        return False
    try:
        return json.loads(calls[0][1]) == entry["arguments"]
    except ValueError:
        return False


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def runs(text, n):
    found = words(text)
    return {tuple(found[i : i + n]) for i in range(len(found) - n + 1)}


@functools.cache
def what_leaks():
    """({run of words: its question}, whole questions, values of tool calls)"""
    entries = questions() + tool_calls()
    wanted = {run: entry["question"] for entry in entries for run in runs(entry["question"], N_SHARED_WORDS_MAX + 1)}
    whole = {tuple(words(entry["question"])) for entry in entries + second_questions()}
    return wanted, whole, {str(value).lower() for entry in tool_calls() for value in entry["arguments"].values()}


def leaks(training_texts):
    """What training text gives away of the held-out set, one line each: a run of words of a question, a whole
    question (of the second set too), or a value of a tool call."""
    n = N_SHARED_WORDS_MAX + 1
    wanted, whole, values = what_leaks()
    for text in training_texts:
        found = words(text)
        for run in runs(text, n) & wanted.keys():
            yield f"{' '.join(run)!r} of {wanted[run]!r} in {text!r}"
        if tuple(found) in whole:
            yield f"the whole of {text!r}"
        for value in values & set(found):
            yield f"the value {value!r} in {text!r}"
