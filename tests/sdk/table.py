"""The table of tests/README.md: which client can do what through Weir, as the cases of a run showed it."""
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- sdk.py begins -->\n", "<!-- sdk.py ends -->\n"

FEATURES = {"create": "create", "stream": "stream", "helpers": "helpers", "tools": "five-turn tool loop", "parse": "structured parse",
            "reasoning": "reasoning replay", "abort": "abort", "retry": "retry", "errors": "errors by class"}

# What is not as one would wish, and why: (client, feature): reason.
NOTES = {
    ("openai-node 4.104", "helpers"): "Its streamed `runTools` keeps the last piece of a message's `reasoning_content` and sends "
        "that back. It is the client's own word, so Weir passes it on; unstreamed, and in newer ones, the whole goes back.",
    ("Vercel AI SDK", "retry"): "It does not read `x-should-retry`: a 429 for want of credit is asked again like any other, at no "
        "cost. `maxRetries: 0` keeps it from that.",
    ("LangChain", "reasoning"): "It keeps no `reasoning_content`. Where an upstream wants it back, Weir puts back what it remembers.",
    ("LangChain", "abort"): "Before Python 3.12 a task's cancel that comes together with a chunk may be lost in `asyncio.wait_for`, "
        "which it waits with; not so with `stream_chunk_timeout=None`.",
    ("litellm", "parse"): "It sends the schema and hands back the JSON as text; the caller makes an object of it.",
}


def cell(held, feature):
    roads = [road for road in ("local", "remote") if held.get((feature, road))]
    failed = [road for road in roads if not all(held[feature, road])]
    if failed:  # never in the README: such a run fails
        return "**fails: " + ", ".join(failed) + "**"
    return "both" if len(roads) == 2 else ", ".join(roads) or "-"


def text(everything):
    lines = ["", f"| client | {' | '.join(FEATURES.values())} |", "| --- |" + " --- |" * len(FEATURES)]
    notes = []
    for name, held in everything.items():
        cells = []
        for feature in FEATURES:
            said = cell(held, feature)
            if reason := NOTES.get((name, feature)):
                if reason not in notes:
                    notes.append(reason)
                said += f" ({notes.index(reason) + 1})"
            cells.append(said)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"{n}. {reason}" for n, reason in enumerate(notes, 1)), ""]) + ("\n" if notes else "")


def faults_of(everything):
    for name, held in everything.items():
        for feature in FEATURES:
            if cell(held, feature) != "both" and (name, feature) not in NOTES:
                yield f"table.py: {name}, {feature}: {cell(held, feature)}, and NOTES does not say why"
    for name, feature in NOTES:
        if name not in everything or feature not in FEATURES:
            yield f"table.py: NOTES: there is no {name}, {feature}"


def update(everything, write):
    """Writes the table, or says what is wrong with the one that stands there."""
    faults = list(faults_of(everything))
    old = README.read_text()
    before, _, rest = old.partition(BEGIN)
    new = before + BEGIN + text(everything) + END + rest.partition(END)[2]
    if write:
        README.write_text(new)
    elif new != old:
        faults.append("tests/README.md does not show what this run showed: sdk.py --write")
    return faults
