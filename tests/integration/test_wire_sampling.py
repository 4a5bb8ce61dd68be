"""Rows L: sampling, of the engine with random weights. L13 and L14 stand in test_formats.py."""
import json

from conformance import Conformance, bad, table
from weir import MODEL

PLAIN = {"model": "tiny", "reasoning_effort": "none", "temperature": 0}


def tokens(logprobs):
    return [bytes(entry["bytes"]) for entry in logprobs["content"]]


@table({
    "L11 a key that is no token": bad({"logit_bias": {"x": 1}}, None, "logit_bias"),
    "L11 a bias of 101": bad({"logit_bias": {"5": 101}}, "decimal_above_max_value", "logit_bias.5"),
})
class Sampling(Conformance):
    def choice(self, **members):
        return self.ok({**PLAIN, "max_completion_tokens": 40, **members})["choices"][0]

    def streamed(self, **members):
        """(content, finish_reason, chunks) of the same request as a stream."""
        chunks = self.chunks({**PLAIN, "max_completion_tokens": 40, **members})
        choices = [c["choices"][0] for c in chunks]
        return "".join(c["delta"].get("content") or "" for c in choices), choices[-1]["finish_reason"], choices

    def check_stop(self, stop, expected, finish, **members):
        """Both ways the answer ends like that, and not a character more is sent."""
        choice = self.choice(stop=stop, **members)
        self.assertEqual((choice["message"]["content"], choice["finish_reason"]), (expected, finish))
        self.assertEqual(self.streamed(stop=stop, **members)[:2], (expected, finish))

    def said(self, **members):
        """A seed, what the model says by it and how that ends, and its tokens, each whole characters."""
        for seed in range(50):
            choice = self.choice(logprobs=True, temperature=1, seed=seed, **members)
            parts = tokens(choice["logprobs"])
            text = choice["message"]["content"]
            if len(parts) > 8 and all(len(part) and part.decode(errors="replace").isascii() for part in parts):
                return seed, text, choice["finish_reason"], [part.decode() for part in parts]
        raise AssertionError("no seed gives plain text")

    def test_l02_logprobs(self):
        for seed in range(3):
            body = self.ok({**PLAIN, "temperature": 1, "seed": seed, "logprobs": True, "max_completion_tokens": 30})
            choice = body["choices"][0]
            self.assertIsNone(choice["logprobs"]["refusal"])
            parts = tokens(choice["logprobs"])
            self.assertEqual(len(parts), body["usage"]["completion_tokens"])
            # Random weights also say bytes that are no character; nothing else is between the two.
            self.assertEqual(b"".join(parts).decode(errors="replace"), choice["message"]["content"])

    def test_l03_top_logprobs(self):
        for entry in self.choice(logprobs=True, top_logprobs=5)["logprobs"]["content"]:
            values = [top["logprob"] for top in entry["top_logprobs"]]
            self.assertEqual(len(values), 5)
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertLessEqual(values[0], 0)
            self.assertEqual(entry["logprob"], values[0])  # greedy

    def test_l04_logprobs_in_a_stream(self):
        whole = self.choice(logprobs=True)["logprobs"]["content"]
        *_, choices = self.streamed(logprobs=True)
        spread = [c["logprobs"]["content"] for c in choices if c["logprobs"]]
        self.assertEqual(spread[0], [])
        self.assertGreater(len(spread), 2)
        self.assertEqual([entry for entries in spread for entry in entries], whole)

    def test_l05_a_stop_inside(self):
        seed, text, _, parts = self.said()
        inside = next(part for part in parts[2:] if part.strip())
        self.check_stop([inside], text[:text.index(inside)], "stop", temperature=1, seed=seed)

    def test_l06_a_stop_across_tokens(self):
        seed, text, _, parts = self.said()
        across = parts[3][-1] + parts[4] + parts[5][0]
        self.check_stop(["never said", across], text[:text.index(across)], "stop", temperature=1, seed=seed)

    def test_l07_the_beginning_of_a_stop(self):
        seed, text, finish, parts = self.said()
        almost = "".join(parts[2:5]) + "\u2603"
        self.check_stop([almost, text[-2:] + "\u2603"], text, finish, temperature=1, seed=seed)

    def test_l08_one_token(self):
        body = self.ok({**PLAIN, "max_completion_tokens": 1})
        self.assertEqual((body["usage"]["completion_tokens"], body["choices"][0]["finish_reason"]), (1, "length"))

    def test_l09_a_seed_twice(self):
        bodies = [self.ok({**PLAIN, "temperature": 1, "seed": 11, "max_completion_tokens": 40}) for _ in range(2)]
        first, second = [(body["choices"][0]["message"], body["system_fingerprint"]) for body in bodies]
        self.assertEqual(first, second)
        self.assertTrue(first[1])

    def token_id(self, text):
        """The token that is this text; None if it is said by several."""
        file = self.weir.folder / "token.txt"
        file.write_text(text)
        ids = json.loads(self.weir.run("model", "tokenize", MODEL, file).stdout)
        return ids[0] if len(ids) == 1 else None

    def test_l10_a_bias(self):
        """Greedy, and each token that would be said is banned in its turn; then one is forced."""
        _, _, _, parts = self.said()
        n_banned = 0
        for part in dict.fromkeys(parts[:6]):
            id = self.token_id(part)
            if id is None:
                continue
            greedy = self.choice(messages=[{"role": "user", "content": part}], logit_bias={str(id): 100}, logprobs=True)
            self.assertEqual(tokens(greedy["logprobs"])[0], part.encode())
            greedy = self.choice(messages=[{"role": "user", "content": part}], logprobs=True)
            argmax = tokens(greedy["logprobs"])[0]
            banned = self.token_id(argmax.decode()) if argmax.isascii() else None
            if banned is None:
                continue
            choice = self.choice(messages=[{"role": "user", "content": part}], logit_bias={str(banned): -100}, logprobs=True)
            self.assertNotIn(argmax, tokens(choice["logprobs"]))
            n_banned += 1
        self.assertGreater(n_banned, 0)

    def test_l12_a_character_that_the_limit_cuts(self):
        n_cut = 0
        for seed in range(50):
            if n_cut >= 3:
                break
            parts = tokens(self.choice(logprobs=True, temperature=1, seed=seed, max_completion_tokens=24)["logprobs"])
            for n in range(1, len(parts) + 1):
                said = b"".join(parts[:n])
                try:
                    said.decode()
                except UnicodeDecodeError as error:
                    if error.end != len(said):  # broken inside, not cut at the end
                        continue
                    n_cut += 1
                    members = {"temperature": 1, "seed": seed, "max_completion_tokens": n}
                    text = self.choice(**members)["message"]["content"]  # valid UTF-8, or it would be no JSON
                    self.assertEqual(text.removesuffix("\ufffd"), said.decode(errors="ignore"))
                    self.assertEqual(self.streamed(**members)[0], text)
        self.assertGreater(n_cut, 0)
