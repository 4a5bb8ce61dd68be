"""Tool calls with values that can only be copied from the question, and what is said when the result comes back."""
import copy
import json
import re

from encoding import Dialogue, Turn
from grammar import TEXT, Pattern, lines

PLACES = {"CITY": "city", "WORD": "word", "PERSON": "person"}
ARGUMENT_OF = {"CITY": ("city",), "WORD": ("account", "item"), "PERSON": ("name",), "NUMBER": ("usd", "id", "level")}
SKIES = ("sunny", "cloudy", "rainy", "windy", "foggy", "clear", "snowy")


class ToolDialogues:
    def __init__(self, values, grammar):
        self.values, self.questions, self.wants = values, {}, {}
        self.tools = json.loads((TEXT.parent / "tools.json").read_text(encoding="utf-8"))
        self.more = json.loads((TEXT / "more_tools.json").read_text(encoding="utf-8"))
        for line in lines("tools.txt"):
            if line.startswith("== "):
                name = line[3:]
                self.questions[name] = []
            elif line.startswith("wants: "):
                self.wants[name] = line[len("wants: ") :]
            else:
                self.questions[name].append(Pattern(line[len("q: ") :], grammar.lists))

    def offered(self, rng, wanted=None):
        """One to three tools, the wanted one among them, sometimes described in other words."""
        others = [tool for tool in self.tools + self.more if wanted is None or tool["name"] != wanted["name"]]
        tools = rng.sample(others, rng.choice((0, 0, 1, 1, 2) if wanted else (1, 1, 2))) + ([wanted] if wanted else [])
        tools = copy.deepcopy(tools)
        rng.shuffle(tools)
        return tools

    def draw(self, rng, effort, noisy, system):
        tool = rng.choice(self.tools * 3 + self.more)
        name = tool["name"]
        question = rng.choice(self.questions[name]).draw(rng)
        values = {place: self.values.text(kind, rng) for place, kind in PLACES.items()} | {"NUMBER": self.values.number(rng)}
        question = noisy_outside(question, values, rng, noisy)
        arguments = {key: values[place] for place, keys in ARGUMENT_OF.items() for key in keys if key in tool["parameters"]["properties"]}
        arguments = {key: arguments[key] for key in tool["parameters"]["properties"]}
        wanted = filled(self.wants[name], values)
        parts = " and ".join(f"{key} is {value}" for key, value in arguments.items())
        reasoning = {"none": "", "low": f"I call {name}: {parts}.",
                     "high": f"The user wants {wanted}. I cannot know that, but a tool can. The tool is {name}, and its {parts}. I call it once."}[effort]
        turns = [Turn(question, "", reasoning, [(name, arguments)])]
        if name in ("get_weather", "get_balance", "add_credit", "disable_key") and rng.random() < 0.3:
            result, answer = self.result(name, arguments, rng)
            reasoning = {"none": "", "low": "The result is there.", "high": f"The user wants {wanted}. The tool has answered. Now I say what it said, in one sentence."}[effort]
            if rng.random() < 0.5:
                turns[0].reasoning = ""  # as clients send it that do not keep it
            turns.append(Turn(result, answer, reasoning, result=True))
        return Dialogue(effort, turns, system, self.offered(rng, tool))

    def result(self, name, arguments, rng):
        """(what the tool gives back, what is said then)"""
        if name == "get_weather":
            degrees, sky = rng.randint(0, 35), rng.choice(SKIES)
            shape = rng.choice(('{{"temperature": {}, "sky": "{}"}}', "{} degrees, {}", '{{"degrees": {}, "weather": "{}"}}', "{} C and {}"))
            return shape.format(degrees, sky), f"It is {degrees} degrees and {sky} in {arguments['city']}."
        if name == "get_balance":
            dollars = f"{self.values.number(rng, 3)}.{rng.randint(0, 9)}0"
            return rng.choice((dollars, '{"balance": "' + dollars + '"}', '{"available": "' + dollars + '"}', dollars + " USD")), f"{arguments['account']} has {dollars} dollars."
        done = f"{arguments['usd']} dollars were added to {arguments['account']}." if name == "add_credit" else f"Key {arguments['id']} is disabled."
        return rng.choice(('{"ok": true}', "ok", "done", '{"status": "ok"}', '{"success": true}')), "Done. " + done


def filled(text, values):
    return re.sub("CITY|WORD|PERSON|NUMBER", lambda match: str(values[match[0]]), text)


def noisy_outside(question, values, rng, noisy):
    """Noise in the words around a value, never in it."""
    return filled(noisy(question, rng), values) if rng.random() < 0.35 else filled(question[:1].upper() + question[1:], values)
