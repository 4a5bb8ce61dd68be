"""Tool calls with values that can only be copied from the question, and what is said when the result comes back."""
import copy
import json
import re

from encoding import Dialogue, Turn
from grammar import TEXT, Pattern, lines

PLACES = {"CITY": "city", "WORD": "word", "PERSON": "person"}
PLACE = r"\b(?:CITY|WORD|PERSON|NUMBER)\b"
ARGUMENT_OF = {"CITY": ("city",), "WORD": ("account", "item"), "PERSON": ("name",), "NUMBER": ("usd", "id", "level")}
ANSWERED = ("get_weather", "get_balance", "add_credit", "disable_key")
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
        """Mostly with the words around the tools cut away, and mostly more calls than one: there are few lessons else in a long text."""
        tool = rng.choice(self.tools * 3 + self.more)
        tools = self.offered(rng, tool)
        turns, answered = [], [other for other in tools if other["name"] in ANSWERED]
        while answered and rng.random() < 0.5 and len(turns) < 6:
            turns += self.turns(rng.choice(answered), rng, effort, noisy, has_result=True)
        turns += self.turns(tool, rng, effort, noisy, has_result=tool["name"] in ANSWERED and rng.random() < 0.3)
        return Dialogue(effort, turns, system, tools, is_brief=rng.random() < 0.7)

    def turns(self, tool, rng, effort, noisy, has_result):
        """A question and its call; then what the tool gave back, and what is said to that."""
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
        if has_result:
            result, answer = self.result(name, arguments, rng)
            reasoning = {"none": "", "low": "The result is there.", "high": f"The user wants {wanted}. The tool has answered. Now I say what it said, in one sentence."}[effort]
            if rng.random() < 0.5:
                turns[0].reasoning, turns[0].is_told = "", True  # as clients send it that do not keep it
            turns.append(Turn(result, answer, reasoning, result=True))
        return turns

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
    return re.sub(PLACE, lambda match: str(values[match[0]]), text)


def noisy_outside(question, values, rng, noisy):
    """Noise in the words around a value, never in it."""
    places = re.findall(PLACE, question)
    if rng.random() < 0.35:
        changed = noisy(question, rng)
        if re.findall(PLACE, changed) == places:
            question = changed
    else:
        question = question[:1].upper() + question[1:]
    return filled(question, values)
