"""Sums, differences and products of small numbers, alone and as a second question about the first result."""
from encoding import Turn

WORDS = {
    "+": ("{a} + {b}", "{a}+{b}", "{a} plus {b}", "the sum of {a} and {b}", "{a} and {b} together"),
    "-": ("{a} - {b}", "{a}-{b}", "{a} minus {b}", "{a} less {b}", "the difference of {a} and {b}"),
    "*": ("{a} * {b}", "{a} x {b}", "{a}*{b}", "{a} times {b}", "the product of {a} and {b}", "{a} multiplied by {b}"),
}
ASKS = ("What is {}?", "What's {}?", "How much is {}?", "{}?", "{}", "{} =", "Compute {}.", "Calculate {}.", "Tell me {}.", "What does {} make?",
        "Please compute {}.", "Can you tell me {}?", "What do I get for {}?", "Do you know {}?", "Give me {}.", "I need {}.", "Solve {}.")
ORDERS = {"+": ("Add {a} and {b}.", "Add {b} to {a}.", "Sum up {a} and {b}."), "-": ("Subtract {b} from {a}.", "Take {b} away from {a}."),
          "*": ("Multiply {a} by {b}.", "Multiply {a} and {b}.")}
MORE = {"+": ("And plus {b}?", "plus {b}", "Add {b}.", "And {b} more?", "Now add {b} to it.", "And if I add {b}?", "And that plus {b}?"),
        "-": ("And minus {b}?", "minus {b}", "Subtract {b}.", "And {b} less?", "Now take {b} away.", "And that minus {b}?"),
        "*": ("And times {b}?", "times {b}", "Multiply it by {b}.", "And {b} times that?", "Now multiply by {b}.", "And that times {b}?")}
NAMES = {"+": "sum", "-": "difference", "*": "product"}


def compute(a, op, b):
    return a + b if op == "+" else a - b if op == "-" else a * b


class Arithmetic:
    def __init__(self, values):
        self.forbidden = values.forbidden
        self.result = 0

    def numbers(self, rng, a=None):
        """(a, op, b) with no negative result, products of small factors only."""
        while True:
            op = rng.choice("++-**" if a is None or a <= 10 else "++-")
            n_max = 10 if op == "*" else 20 if a is not None or rng.random() < 0.9 else 50
            first = rng.randint(0, n_max) if a is None else a
            b = rng.randint(0, n_max)
            if op == "-" and b > first:
                if a is not None:
                    continue
                first, b = b, first
            if not {str(first), str(b), str(compute(first, op, b))} & self.forbidden:
                return first, op, b

    def turn(self, question, a, op, b, effort):
        c = compute(a, op, b)
        check = {"+": f"{c} - {b} = {a}", "-": f"{c} + {b} = {a}", "*": f"{b} * {a} = {c}"}[op]
        reasoning = {"none": "", "low": f"A {NAMES[op]}: {a} {op} {b}.",
                     "high": f"The user wants a number. It is a {NAMES[op]}: {a} {op} {b}. That makes {c}. I check it: {check}. So it is {c}."}[effort]
        self.result = c
        return Turn(question, f"{a} {op} {b} = {c}.", reasoning)

    def first(self, rng, effort):
        a, op, b = self.numbers(rng)
        text = rng.choice(ORDERS[op]) if rng.random() < 0.2 else rng.choice(ASKS).format(rng.choice(WORDS[op]))
        text = text.format(a=a, b=b)
        return self.turn(text[:1].upper() + text[1:] if rng.random() < 0.7 else text, a, op, b, effort)

    def two(self, rng, effort):
        first = self.first(rng, effort)
        a, op, b = self.numbers(rng, self.result)
        return [first, self.turn(rng.choice(MORE[op]).format(b=b), a, op, b, effort)]
