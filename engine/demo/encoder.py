"""Texts into token ids and back, in Python, by a tokenizer.json that tokenizer.py wrote. ASCII, and added tokens."""
import json
import re

from tokenizer import ascii_pieces, byte_alphabet


class Encoder:
    def __init__(self, tokenizer):
        model = tokenizer["model"]
        self.vocab = model["vocab"]
        self.ranks = {tuple(merge.split(" ")): i for i, merge in enumerate(model["merges"])}
        self.added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
        self.any_added = re.compile("(" + "|".join(map(re.escape, sorted(self.added, key=len, reverse=True))) + ")")
        first_split = tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        self.n_digits_max = 3 if first_split.endswith("{1,3}") else 1
        self.letters = byte_alphabet()
        self.known = {}  # piece -> ids
        bytes_of = {letter: byte for byte, letter in self.letters.items()}
        self.bytes_of_id = {id_: bytes(bytes_of[c] for c in token) for token, id_ in self.vocab.items() if token not in self.added}
        self.bytes_of_id |= {id_: content.encode() for content, id_ in self.added.items()}

    @classmethod
    def open(cls, path):
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def encode(self, text):
        """Added tokens are recognised wherever they stand: for text that the trainer wrote."""
        out = []
        for part in self.any_added.split(text):
            if part in self.added:
                out.append(self.added[part])
            else:
                assert part.isascii(), part
                for piece in ascii_pieces(part, self.n_digits_max):
                    out += self.piece(piece)
        return out

    def piece(self, piece):
        if piece not in self.known:
            parts = [self.letters[b] for b in piece.encode()]
            while len(parts) > 1:
                rank, at = min((self.ranks.get(pair, len(self.ranks)), i) for i, pair in enumerate(zip(parts, parts[1:])))
                if rank == len(self.ranks):
                    break
                parts[at : at + 2] = [parts[at] + parts[at + 1]]
            self.known[piece] = [self.vocab[part] for part in parts]
        return self.known[piece]

    def decode(self, ids):
        return b"".join(self.bytes_of_id[id_] for id_ in ids).decode(errors="replace")
