#!/usr/bin/env python3
"""Learns the demo model's tokenizer from its training text.

    python3 engine/demo/make_tokenizer.py DIRECTORY

Blanks are merged last: a word is cut the same way after a blank and without one, so that what stands in a
question can be copied into a tool call token by token.
"""
import json
import sys
from collections import Counter
from pathlib import Path

from dialogues import Dialogues
from encoder import Encoder
from encoding import FORMAT_HEAD, HIGH, TOOLS_HEAD, TOOLS_TAIL, segments
from tokenizer import ascii_pieces, byte_alphabet, learn_merges, make_tokenizer, n_merges_of

N_VOCAB = 2048
N_BLANK_MERGES = 620
N_DIALOGUES = 30000
N_MAX = 60  # a word that stands everywhere counts no more than this,
N_ENCODING = 1000  # but the encoding's own long texts shall be few tokens


def merges_of(words):
    letters = byte_alphabet()
    blank = letters[ord(" ")]
    n = n_merges_of(N_VOCAB)
    merges = learn_merges(words, letters, n - N_BLANK_MERGES, allowed=lambda pair: blank not in pair[0] + pair[1])
    return learn_merges(words, letters, n, merges, allowed=lambda pair: pair[0] == blank and blank not in pair[1])


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    source, words = Dialogues(seed="tokenizer"), Counter()
    specials = Encoder({"model": {"vocab": {}, "merges": []}, "added_tokens": added_tokens(), "pre_tokenizer": {
        "pretokenizers": [{"pattern": {"Regex": r"\p{N}"}}]}}).any_added
    for _ in range(N_DIALOGUES):
        for text, _ in segments(source.draw()):
            for part in specials.split(text):
                if part.isascii():
                    words.update(ascii_pieces(part, 1))
    words = Counter({word: min(n, N_MAX) for word, n in words.items()})
    for part in specials.split(HIGH + TOOLS_HEAD + TOOLS_TAIL + FORMAT_HEAD):
        if part.isascii():
            words.update({piece: N_ENCODING for piece in ascii_pieces(part, 1)})
    tokenizer, config, _ = make_tokenizer(merges_of(words), N_VOCAB, 1)
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n", encoding="utf-8")
    (directory / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def added_tokens():
    return make_tokenizer([], N_VOCAB, 1)[0]["added_tokens"]


if __name__ == "__main__":
    main()
