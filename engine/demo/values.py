"""Values that a model can only copy: words of text/values.txt, and words that nobody has ever seen."""
import string

from grammar import lines

ONSETS = "b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p ph pl pr qu r s sc sh sk sl sm sn sp st str sw t th tr v w y z".split()
VOWELS = "a e i o u a e i o u ai ea ee ie oa oo ou au ey y".split()
FIRST_WORDS = "San Santa New Port Fort Saint El Los Las Lake Mount North South East West Old Upper Great Bad Sankt La Le".split()
CODAS = "b ck d f g k l ll m n nd ng nk nt p r rd rk rm rn rt s sh ss st t th v x z".split() + [""] * 20


class Values:
    def __init__(self, forbidden=()):
        """`forbidden`: words, in lower case, that are never drawn."""
        self.known = {kind: words.split() for kind, words in (line.split(": ", 1) for line in lines("values.txt"))}
        self.forbidden = set(forbidden)

    def made_up(self, rng):
        n = rng.choice((1, 2, 2, 2, 3, 3))
        return "".join(rng.choice(ONSETS if i or rng.random() < 0.8 else [""]) + rng.choice(VOWELS) + rng.choice(CODAS) for i in range(n))

    def text(self, kind, rng):
        """A city, word or person; most of them made up."""
        while True:
            value = rng.choice(self.known[kind]) if rng.random() < 0.35 else self.joined(kind, rng)
            if kind != "word":
                value = value[0].upper() + value[1:]
                if rng.random() < 0.08:
                    value = rng.choice(FIRST_WORDS if kind == "city" else self.known["person"]) + " " + value
            elif rng.random() < 0.08:
                value += rng.choice(("", "-", "_")) + (str(rng.randint(1, 99)) if rng.random() < 0.5 else rng.choice(self.known["word"]))
            if not self.forbidden & {value.lower(), *value.lower().replace("-", " ").replace("_", " ").split()} and len(value) > 1:
                return value

    def joined(self, kind, rng):
        """Syllables, letters, a word with a slip, or two words in one: all that may follow all."""
        at = rng.random()
        if at < 0.4:
            return self.made_up(rng)
        if at < 0.5:
            return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(3, 7)))
        a, b = (rng.choice(self.known[rng.choice((kind, "word"))]).lower() for _ in "ab")
        if at < 0.65:
            k = rng.randrange(len(a))
            return a[:k] + rng.choice(string.ascii_lowercase) + a[k + rng.randint(0, 1) :]
        return a[: rng.randint(2, len(a))] + b[rng.randint(0, len(b) - 2) :]

    def number(self, rng, n_digits_max=4):
        while True:
            n_digits = rng.randint(1, n_digits_max)
            value = rng.randint(10 ** (n_digits - 1), 10**n_digits - 1)
            if str(value) not in self.forbidden:
                return value
