"""A small byte-level BPE tokenizer in the official file's shape, its merges learnt from a text."""
import re
from collections import Counter, defaultdict

# The pre-tokenizer of the full model, step by step, after the first: runs of up to three digits there.
SPLITS = [
    "[一-龥\u3040-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
    r""" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
]
# What they do to ASCII, which is all that the texts hold.
ASCII_SPLIT = re.compile(
    r"""[!-/:-@\[-`{-~][A-Za-z]+|[^\r\nA-Za-z!-/:-@\[-`{-~0-9]?[A-Za-z]+|"""
    r""" ?[!-/:-@\[-`{-~]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)

FIRST_TOKENS = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"]
ADDED_TOKENS = [
    "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜User｜>", "<｜Assistant｜>", "<|EOT|>",
    "<think>", "</think>", "｜DSML｜", "<｜begin▁sys｜>", "<｜end▁sys｜>", "<｜latest_reminder｜>",
    "<｜action｜>", "<｜query｜>", "<｜authority｜>", "<｜domain｜>", "<｜task｜>", "<｜title｜>",
    "<｜extracted_url｜>", "<｜read_url｜>", "<｜end_of_query｜>",
]
SPECIAL = {"<｜end_of_query｜>"}


def byte_alphabet():
    """A printable stand-in for each byte; those that print stand for themselves."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters, n_remapped = {}, 0
    for byte in range(256):
        if byte in plain:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(0x100 + n_remapped)
            n_remapped += 1
    return letters


def ascii_pieces(text, n_digits_max):
    """What the pre-tokenizer makes of an ASCII text."""
    for part in re.split(rf"([0-9]{{1,{n_digits_max}}})", text):
        if part[:1].isdigit():
            yield part
        else:
            yield from ASCII_SPLIT.findall(part)


def learn_merges(words, letters, n_merges, merges=(), allowed=lambda pair: True):
    """Goes on after `merges`: the most frequent pair first; of equals the one that sorts first. `words`: {piece: count}."""
    merges = list(merges)
    pieces = {w: tuple(letters[b] for b in w.encode()) for w in words}
    for merge in merges:
        pieces = {word: apply_merge(parts, merge) for word, parts in pieces.items()}
    pairs, found_in = Counter(), defaultdict(set)

    def count(word, sign):
        for pair in zip(pieces[word], pieces[word][1:]):
            pairs[pair] += sign * words[word]
            found_in[pair].add(word)

    for word in words:
        count(word, 1)
    while len(merges) < n_merges:
        left = [pair for pair, n in pairs.items() if n > 0 and allowed(pair)]
        if not left:
            raise ValueError(f"the text has only {len(merges)} merges")
        best = min(left, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word in sorted(found_in[best]):
            count(word, -1)
            pieces[word] = apply_merge(pieces[word], best)
            count(word, 1)
    return merges


def apply_merge(parts, pair):
    if pair[0] not in parts:
        return parts
    merged, i = [], 0
    while i < len(parts):
        if parts[i : i + 2] == pair:
            merged.append(parts[i] + parts[i + 1])
            i += 2
        else:
            merged.append(parts[i])
            i += 1
    return tuple(merged)


def added_token(token_id, content, special):
    return {"id": token_id, "content": content, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": special}


def n_merges_of(n_vocab):
    return n_vocab - len(FIRST_TOKENS) - 256 - len(ADDED_TOKENS)


def make_tokenizer(merges, n_vocab, n_digits_max):
    """(tokenizer.json, tokenizer_config.json, id of every added token); ids fill 0..n_vocab - 1."""
    letters, vocab = byte_alphabet(), {}
    for token in FIRST_TOKENS + sorted(letters.values()) + [a + b for a, b in merges]:
        if token not in vocab:
            vocab[token] = len(vocab)
    added = [added_token(i, token, True) for i, token in enumerate(FIRST_TOKENS)]
    # Two merges may spell one token; placeholders fill what that leaves.
    n_free = n_vocab - len(vocab) - len(ADDED_TOKENS)
    names = [f"<｜place▁holder▁no▁{i}｜>" for i in range(n_free)] + ADDED_TOKENS
    for i, token in enumerate(names, start=len(vocab)):
        added.append(added_token(i, token, token in SPECIAL or "place▁holder" in token))
    split = [{"type": "Split", "pattern": {"Regex": r}, "behavior": "Isolated", "invert": False}
             for r in [r"\p{N}" + (f"{{1,{n_digits_max}}}" if n_digits_max > 1 else ""), *SPLITS]]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": []},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*split, byte_level]},
        "post_processor": {**byte_level, "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        "decoder": {**byte_level, "add_prefix_space": True, "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "vocab": vocab, "merges": [f"{a} {b}" for a, b in merges],
        },
    }
    config = {
        "add_bos_token": False, "add_eos_token": False, "bos_token": FIRST_TOKENS[0],
        "clean_up_tokenization_spaces": False, "eos_token": FIRST_TOKENS[1], "model_max_length": 65536,
        "pad_token": FIRST_TOKENS[1], "tokenizer_class": "PreTrainedTokenizerFast",
    }
    return tokenizer, config, {entry["content"]: entry["id"] for entry in added}
