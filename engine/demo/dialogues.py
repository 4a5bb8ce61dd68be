"""The training text: dialogues drawn without end from the grammar, sums, names to remember and tool calls."""
import json
import random

import judge
from arithmetic import Arithmetic
from encoding import Dialogue, Turn
from grammar import Grammar
from tool_dialogues import ToolDialogues, noisy_outside
from values import Values

EFFORTS = ("none", "low", "high")
GREETINGS = "Hi, |Hello, |Hey, |Hello! |Hi! |Please, |Sorry, |Excuse me, |Hm, |Ok, |Quick question: |One question: |By the way, |Well, |Good morning. |Now, |And |So ".split("|")
ENDINGS = " Thanks!| Thank you.| Please.| Please help.| Thanks in advance.| I am curious.| It is urgent.".split("|")
BEFORE = ("I am a beginner.|It is my first day here.|We are a small company.|My boss wants to know something.|I read the README.|"
          "I have a question.|We use Weir at work.|I am an operator.|I write a program.|Our server runs on Debian.|"
          "I looked everywhere.|It worked yesterday.|I have no idea.|A user called me.|Something is odd.|I am stuck.").split("|")
SYSTEMS = ("You are a helpful assistant.|Be brief.|Answer in English.|You are a support bot.|Be polite and short.|You help operators.|"
           "You are Weir's demo model.|Answer in one sentence.").split("|")


def forbidden_words():
    return {word for entry in judge.tool_calls() for value in entry["arguments"].values() for word in judge.words(str(value))}


def noisy(text, rng):
    """As people type: small letters, no marks, a slip of the finger, a word too few or too many."""
    words = text.split(" ")
    if len(words) > 3 and rng.random() < 0.1:
        del words[rng.randrange(len(words))]
    if rng.random() < 0.08:
        at = rng.randrange(len(words))
        if len(words[at]) > 3 and words[at].isalpha():
            k = rng.randrange(len(words[at]) - 1)
            word = words[at]
            words[at] = rng.choice((word[:k] + word[k + 1 :], word[:k] + word[k + 1] + word[k] + word[k + 2 :], word[:k] + word[k] + word[k:]))
    text = " ".join(words)
    if rng.random() < 0.12:
        text = rng.choice(GREETINGS) + text
    elif rng.random() < 0.75:
        text = text[:1].upper() + text[1:]
    if rng.random() < 0.08:
        text = rng.choice(BEFORE) + " " + text[:1].upper() + text[1:]
    if rng.random() < 0.15:
        text = text.rstrip("?.!")
    elif rng.random() < 0.07:
        text += rng.choice(ENDINGS)
    return text.lower() if rng.random() < 0.08 else text


class Dialogues:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.long = 1.0  # how often there are the long ones, thoughts and tools: 1 as often as they shall be
        self.grammar = Grammar()
        self.values = Values(forbidden_words())
        self.arithmetic = Arithmetic(self.values)
        self.tools = ToolDialogues(self.values, self.grammar)
        self.weir = [intent for intent in self.grammar.intents if intent.about_weir]
        self.talk = [intent for intent in self.grammar.intents if not intent.about_weir]
        self.kinds = [(68, self.about_weir), (5, self.small_talk), (6, self.followup), (15, self.sum), (2, self.second_sum),
                      (3, self.name), (12, self.repeat), (4, self.json)]
        self.n_tools = 12  # beside so many others

    def draw(self):
        """One dialogue that gives nothing of the held-out set away."""
        while True:
            kinds = [*self.kinds, (self.n_tools * self.long, self.tool)]
            kind = self.rng.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0]
            dialogue = kind()
            if not any(judge.leaks(dialogue.texts())):
                return dialogue

    def effort(self):
        return self.rng.choices(EFFORTS, (70, 18 * self.long, 10 * self.long))[0]

    def system(self):
        return self.rng.choice(SYSTEMS) if self.rng.random() < 0.12 else ""

    def turn(self, intent, effort, question=None):
        question = question or self.grammar.question(intent, self.rng)
        if intent.about_weir and self.rng.random() < 0.5:
            question = self.grammar.reworded(question, self.rng)
        question = noisy(question, self.rng)
        low, high = f"This is about {intent.topic}.", (
            f"This is about {intent.topic}. "
            + ("It is about Weir, so I look for what I know of it: " if intent.about_weir else "It is not a question about Weir, so I stay short: ")
            + intent.answer + " That says it.")
        return Turn(question, intent.answer, {"none": "", "low": low, "high": high}[effort])

    def about_weir(self):
        effort = self.effort()
        turns = [self.turn(self.rng.choice(self.weir), effort)]
        if self.rng.random() < 0.1:  # something else came before
            turns.insert(0, self.turn(self.rng.choice(self.weir + self.talk), effort))
        return Dialogue(effort, turns, self.system(), is_taught=True)

    def small_talk(self):
        effort = self.effort()
        return Dialogue(effort, [self.turn(self.rng.choice(self.talk), effort)], self.system(), is_taught=True)

    def followup(self):
        effort = self.effort()
        first, second, pattern = self.rng.choice(self.grammar.followups)
        return Dialogue(effort, [self.turn(first, effort), self.turn(second, effort, pattern.draw(self.rng))], self.system(), is_taught=True)

    def sum(self):
        effort = self.effort()
        return Dialogue(effort, [self.arithmetic.first(self.rng, effort)], self.system())

    def second_sum(self):
        effort = self.effort()
        return Dialogue(effort, self.arithmetic.two(self.rng, effort), self.system())

    def name(self):
        """A name is said, and asked for later."""
        effort, rng = self.effort(), self.rng
        name = self.values.text("person", rng)
        said = rng.choice(("My name is {}.", "I am {}.", "I am called {}.", "Hello, my name is {}.", "Call me {}.", "This is {}.", "You can call me {}.")).format("PERSON")
        asked = rng.choice(("What is my name?", "Who am I?", "What am I called?", "Do you know my name?", "Do you remember my name?", "Say my name.", "How am I called?"))
        thoughts = [{"none": "", "low": f"A name: {name}.", "high": f"The user tells me a name. The name is {name}. I greet {name} and ask for nothing."}[effort],
                    {"none": "", "low": f"The name is {name}.", "high": f"The user wants to hear a name. It was said before: {name}. So the name is {name}."}[effort]]
        turns = [Turn(noisy_outside(said, {"PERSON": name}, rng, noisy), f"Hello {name}!", thoughts[0]), Turn(noisy(asked, rng), f"Your name is {name}.", thoughts[1])]
        if rng.random() < 0.3:
            turns.insert(1, self.turn(rng.choice(self.weir + self.talk), effort))
        return Dialogue(effort, turns, self.system())

    def repeat(self):
        """What can only be copied. The long ones are where copying is learnt: nearly every token of them is a lesson."""
        rng, is_long = self.rng, self.rng.random() < 0.5
        effort = "none" if is_long else rng.choices(EFFORTS, (70, 15, 15))[0]
        text = " ".join(str(self.values.number(rng, 5)) if rng.random() < 0.2 else self.values.text(rng.choice(("word", "city", "person")), rng)
                        for _ in range(rng.randint(4, 16) if is_long else rng.randint(1, 3)))
        if rng.random() < 0.5:  # a word without the blank before it is another token, as it is in a call
            asked = rng.choice(("As a JSON list: {}", "{} as a JSON list, please", "Write this as a JSON list: {}", "JSON list of {}", "Put into a JSON list: {}")).format(text)
            return Dialogue("none", [Turn(asked, json.dumps(text.split(" ")))], self.system())
        asked = rng.choice(("Repeat: {}", "Say {}", "Repeat after me: {}", "Write {}", "Please say {}", "Just say {}", "Answer with {}", "Echo {}")).format(text)
        thought = {"none": "", "low": f"I repeat {text}.", "high": f"The user wants me to repeat something. It is this: {text}. I write nothing else."}[effort]
        return Dialogue(effort, [Turn(asked, text + ".", thought)], self.system())

    def json(self):
        """An answer as a JSON object, asked for in words and half of the time by a response format too."""
        effort, rng = self.effort(), self.rng
        asks = rng.choice((" Answer in JSON.", " As JSON.", " Reply with JSON.", " Give me JSON.", " JSON, please.", " Answer with a JSON object."))
        if rng.random() < 0.4:
            turn = self.arithmetic.first(rng, effort)
            fields = {"result": self.arithmetic.result}
        elif rng.random() < 0.5:
            person, age = self.values.text("person", rng), self.values.number(rng, 2)
            turn = Turn(rng.choice(("{} is {} years old.", "My friend {} is {}.", "{}, aged {}.", "Here is {}, {} years old.")).format(person, age))
            fields = {"name": person, "age": age}
        else:
            intent = rng.choice([i for i in self.weir if "`weir " in i.answer])
            turn = self.turn(intent, effort)
            fields = {"command": intent.answer.split("`")[1]}
        turn.user += asks
        turn.content = json.dumps(fields)
        names = " and ".join(fields)
        turn.reasoning = {"none": "", "low": f"JSON with {names}.", "high": f"The user wants JSON. The object has {names}. That is {turn.content} and nothing around it."}[effort]
        response_format = {"type": "json_object"} if rng.random() < 0.4 else None
        return Dialogue(effort, [turn], self.system(), response_format=response_format)

    def tool(self):
        effort = self.effort()
        if self.rng.random() < 0.15:  # tools are there and not needed
            return Dialogue(effort, [self.turn(self.rng.choice(self.weir + self.talk[:4]), effort)], self.system(), self.tools.offered(self.rng))
        return self.tools.draw(self.rng, effort, noisy, self.system())
