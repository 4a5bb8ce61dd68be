"""Writes tokenizer.json and tokenizer_vectors.json: a small tokenizer in the layout of DeepSeek-V4's,
and what the reference implementation (the Python package `tokenizers`) makes of many texts with it,
added tokens left out. Deterministic: run it again after a change here, and compare."""

import json
import random

from tokenizers import Tokenizer

PUNCTUATION = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""
SPLITS = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    PUNCTUATION + "|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*"
    r"|\s*[" + "\r\n" + r"]+|\s+(?!\S)|\s+",
]
ADDED_FIRST = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"]
ADDED_LAST = ["<｜User｜>", "<｜Assistant｜>", "<think>", "</think>", "｜DSML｜", "<｜place▁holder▁no▁0｜>"]
TEXT = """the weir holds the river to a level and lets it through, and it measures every litre of it.
The gateway asks who is there, holds what they may spend, and answers with the tokens of a model.
    for (int i = 0; i < n; ++i) { total += price[i] * tokens[i]; }  // 123456 and 3.14
Der Fluss fließt über das Wehr. Où est l'écluse ? ¿Cuánto cuesta? Ångström, naïve, Ωμέγα, река, 水は流れる。
河水流过堰，每一升都有记录。 don't, won't, it's; "quoted" — dash… 😀 👍🏽 ١٢٣
"""


def stand_ins():
    """The character that stands for each byte."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in own]
    return {b: chr(b) for b in own} | {b: chr(256 + i) for i, b in enumerate(others)}


def learn_merges(text, n_merges):
    """Plain BPE over blank-led words: good enough to give merges of every kind."""
    stand_in = stand_ins()
    words = [[stand_in[b] for b in (" " + w).encode()] for w in text.split() for _ in range(2)]
    merges = []
    while len(merges) < n_merges:
        count = {}
        for word in words:
            for pair in zip(word, word[1:]):
                count[pair] = count.get(pair, 0) + 1
        best = max(count, key=lambda pair: (count[pair], pair))
        merges.append(best)
        for word in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = [word[i] + word[i + 1]]
                i += 1
    return merges


def make_tokenizer():
    vocab = {}
    for token in ADDED_FIRST + [c for _, c in sorted(stand_ins().items(), key=lambda i: i[1])]:
        vocab[token] = len(vocab)
    merges = learn_merges(TEXT, 300)
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    added = [(i, c, True) for i, c in enumerate(ADDED_FIRST)]
    added += [(len(vocab) + i, c, False) for i, c in enumerate(ADDED_LAST)]
    split = lambda regex: {
        "type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    byte_level = {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": not special, "special": special}
            for i, c, special in added],
        "normalizer": {"type": "Sequence", "normalizers": []},
        "pre_tokenizer": {
            "type": "Sequence", "pretokenizers": [*map(split, SPLITS), byte_level]},
        "post_processor": byte_level | {"trim_offsets": False},
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab,
            "merges": [" ".join(m) for m in merges]},
    }


def texts():
    r = random.Random(1)
    pools = [
        [chr(c) for c in range(32, 127)], list(" \t\n\r\u00a0\u180e\u2003\u3000\u0085\u2028\x0b"),
        list("0123456789٣²Ⅳ①"), list("你好龥龦ぁんァヶー、。！"), list("éßøαβде\u0301שمر한ไท"),
        list("😀👍🏽…—“”’«€©\u200d\ufeff\x00\x01\x7f\ue000\U0010fffd"), TEXT.split(),
        ADDED_FIRST + ADDED_LAST]
    fixed = ["", " ", "a", "  \n  \n x", "a  1  b", "x = 12345678;\n", "C++\r\nnext", "don't",
             " " * 50 + "x", "a" * 200, "\n" * 20, "!" * 40, TEXT]
    for pool in random.Random(2).choices(pools, k=240):
        mixed = [r.choice(r.choice([pool, pool, *pools])) for _ in range(r.randrange(1, 16))]
        fixed.append(r.choice(["", " "]).join(mixed))
    return fixed


if __name__ == "__main__":
    spec = make_tokenizer()
    with open("tokenizer.json", "w", encoding="utf-8") as out:
        json.dump(spec, out, ensure_ascii=False, indent=0, separators=(",", ":"))
    reference = Tokenizer.from_str(json.dumps(spec | {"added_tokens": []}))
    rows = [[t, reference.encode(t, add_special_tokens=False).ids] for t in texts()]
    with open("tokenizer_vectors.json", "w", encoding="utf-8") as out:
        out.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
