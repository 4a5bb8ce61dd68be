"""Reads the intents of text/ and draws questions from them: (a|b) is a choice, [a] may be left out, {x} is of lists.txt."""
import re
from collections import namedtuple
from pathlib import Path

TEXT = Path(__file__).resolve().parent / "text"
ABOUT_WEIR = ["general.txt", "commands.txt", "config.txt", "money.txt", "api.txt", "errors.txt"]
BESIDES = ["talk.txt"]

Intent = namedtuple("Intent", "name topic answer questions asked wishes things about_weir")


class Pattern:
    """One line of the grammar, parsed: a sequence of texts and choices."""

    def __init__(self, source, lists):
        self.source, self.at, self.lists = source, 0, lists
        self.parts = self.sequence("")
        if self.at != len(source):
            raise ValueError(f"a stray {source[self.at]!r} in {source!r}")

    def sequence(self, ends):
        parts = []
        while self.at < len(self.source) and self.source[self.at] not in ends:
            c = self.source[self.at]
            if c in "([":
                parts.append(self.choice(")" if c == "(" else "]"))
            elif c == "{":
                end = self.source.index("}", self.at)
                parts.append(self.lists[self.source[self.at + 1 : end]])
                self.at = end + 1
            elif c in ")]|":
                raise ValueError(f"a stray {c!r} in {self.source!r}")
            else:
                text = re.compile(r"[^()\[\]{}|]+").match(self.source, self.at)
                parts.append(text[0])
                self.at = text.end()
        return parts

    def choice(self, end):
        options = [[]] if end == "]" else []
        while True:
            self.at += 1
            options.append(self.sequence("|" + end))
            if self.at == len(self.source):
                raise ValueError(f"no {end} in {self.source!r}")
            if self.source[self.at] == end:
                self.at += 1
                return options

    def draw(self, rng):
        return tidy("".join(draw_parts(self.parts, rng)))


def draw_parts(parts, rng):
    for part in parts:
        if isinstance(part, str):
            yield part
        elif part[0] == [] and rng.random() < 0.5:
            continue
        else:
            yield from draw_parts(rng.choice(part[1:] if part[0] == [] and len(part) > 1 else part), rng)


def tidy(text):
    return re.sub(r" +([?.,!])", r"\1", re.sub(r"\s+", " ", text)).strip()


def lines(name):
    for line in (TEXT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def read_lists():
    lists = {}
    for line in lines("lists.txt"):
        name, entries = line.split(": ", 1)
        lists[name] = [[entry] for entry in entries.split("|")]
    return lists


def read_intents(lists):
    intents, about = {}, {"a": "answer", "topic": "topic"}
    for file in ABOUT_WEIR + BESIDES:
        for line in lines(file):
            if line.startswith("== "):
                name = line[3:]
                if name in intents:
                    raise ValueError(f"{file}: {name} occurs twice")
                intents[name] = intent = {"topic": "", "answer": "", "q": [], "asked": [], "vp": [], "np": [], "weir": file in ABOUT_WEIR}
                continue
            key, value = line.split(": ", 1)
            if key in about:
                intent[about[key]] = value
            else:
                intent[key].append(Pattern(value, lists))
    for line in lines("asked.txt"):
        name, question = line.split(": ", 1)
        intents[name]["asked"].append(Pattern(question, lists))
    return [Intent(name, x["topic"], x["answer"], x["q"], x["asked"], x["vp"], x["np"], x["weir"]) for name, x in intents.items()]


def read_synonyms():
    """{word: what may stand for it}"""
    synonyms = {}
    for line in lines("synonyms.txt"):
        words, _, more = line.partition(" > ")
        words = words.split("|")
        for word in words:
            others = [other for other in words if other != word] + more.split("|") * bool(more)
            synonyms.setdefault(word, []).extend(others)
    return synonyms


def read_frames(lists):
    frames = {"vp": [], "np": []}
    for line in lines("frames.txt"):
        kind, value = line.split(": ", 1)
        frames[kind].append(Pattern(value, lists))
    return frames


class Grammar:
    def __init__(self):
        self.lists = read_lists()
        self.frames = read_frames(self.lists)
        self.synonyms = read_synonyms()
        self.intents = read_intents(self.lists)
        self.by_name = {intent.name: intent for intent in self.intents}
        self.followups = []  # (first intent, second intent, pattern of the second question)
        for line in lines("followups.txt"):
            route, question = line.split(": ", 1)
            first, second = route.split(" -> ")
            self.followups.append((self.by_name[first], self.by_name[second], Pattern(question, self.lists)))

    def question(self, intent, rng):
        kinds = (["q"] * 4 * bool(intent.questions) + ["asked"] * 4 * bool(intent.asked) + ["vp"] * 4 * bool(intent.wishes)
                 + ["np"] * 2 * bool(intent.things))
        kind = rng.choice(kinds)
        if kind in ("q", "asked"):
            return rng.choice(intent.questions if kind == "q" else intent.asked).draw(rng)
        frame = rng.choice(self.frames[kind]).draw(rng)
        filler = rng.choice(intent.wishes if kind == "vp" else intent.things).draw(rng)
        return tidy(frame.replace(kind.upper(), filler))

    def reworded(self, question, rng):
        """Other words of the same meaning here and there."""
        words = question.split(" ")
        for i, word in enumerate(words):
            bare = word.rstrip("?.,!")
            others = self.synonyms.get(bare.lower())
            if others and rng.random() < 0.25:
                other = rng.choice(others)
                words[i] = (other[0].upper() + other[1:] if bare[0].isupper() else other) + word[len(bare) :]
        return " ".join(words)
