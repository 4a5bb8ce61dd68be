#!/usr/bin/env python3
"""Writes a scaled-down DeepSeek-V4 with random weights, in the official file layout.

    python3 tests/support/random_model/make_model.py DIRECTORY

It answers nonsense of any length, which is what tests of streams, limits and cancellation want.
Every mechanism of the full model is present: sliding, CSA and HCA layers, hash and score routing, sinks,
four residual streams. Standard library only; the same bytes on every machine: randomness comes from
random.Random(seed).random() and nothing but + - * / and sqrt touches it.
"""
import json
import math
import random
import struct
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "engine" / "demo"))
from tokenizer import ascii_pieces, byte_alphabet, learn_merges, make_tokenizer, n_merges_of  # noqa: E402

SEED = 20261101
N_VOCAB = 1088

CONFIG = {
    "architectures": ["DeepseekV4ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "compress_ratios": [0, 0, 4, 128, 4, 0],  # the last one is the MTP block's, which is not here
    "compress_rope_theta": 160000,
    "eos_token_id": 1,
    "hc_eps": 1e-06,
    "hc_mult": 4,
    "hc_sinkhorn_iters": 20,
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 128,
    "index_head_dim": 32,
    "index_n_heads": 8,
    "index_topk": 64,
    "initializer_range": 0.02,
    "max_position_embeddings": 65536,
    "model_type": "deepseek_v4",
    "moe_intermediate_size": 64,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "norm_topk_prob": True,
    "num_attention_heads": 4,
    "num_experts_per_tok": 2,
    "num_hash_layers": 1,
    "num_hidden_layers": 5,
    "num_key_value_heads": 1,
    "num_nextn_predict_layers": 0,
    "o_groups": 2,
    "o_lora_rank": 64,
    "q_lora_rank": 64,
    "qk_rope_head_dim": 16,
    "rms_norm_eps": 1e-06,
    "rope_scaling": {
        "beta_fast": 32,
        "beta_slow": 1,
        "factor": 16,
        "original_max_position_embeddings": 4096,
        "type": "yarn",
    },
    "rope_theta": 10000,
    "routed_scaling_factor": 1.5,
    "scoring_func": "sqrtsoftplus",
    "sliding_window": 64,
    "swiglu_limit": 10.0,
    "tie_word_embeddings": False,
    "topk_method": "noaux_tc",
    "torch_dtype": "bfloat16",
    "transformers_version": "4.57.1",
    "use_cache": True,
    "vocab_size": N_VOCAB,
}
GENERATION_CONFIG = {"bos_token_id": 0, "do_sample": True, "eos_token_id": 1, "temperature": 1.0, "top_p": 1.0}

# Logits are random and near unit size. The rows of the tokens that end something are longer, so that they
# win now and then: an answer ends by itself after some dozens of tokens, and so does a thought.
HEAD_SCALE = 1.6
END_ROW_SCALE = 2.0


def tensor_shapes(c):
    """(name, shape, kind) of every tensor, in the order of the file."""
    d, n, heads, width = c["hidden_size"], c["hc_mult"], c["num_attention_heads"], c["head_dim"]
    sites = (2 + n) * n
    yield "embed.weight", (c["vocab_size"], d), "embed"
    for i in range(c["num_hidden_layers"]):
        p, ratio = f"layers.{i}.", c["compress_ratios"][i]
        yield p + "attn_norm.weight", (d,), "norm"
        yield p + "ffn_norm.weight", (d,), "norm"
        for site in ("hc_attn", "hc_ffn"):
            yield p + site + "_fn", (sites, n * d), "matrix_f32"
            yield p + site + "_base", (sites,), "small_f32"
            yield p + site + "_scale", (3,), "ones_f32"
        a = p + "attn."
        yield a + "attn_sink", (heads,), "small_f32"
        yield a + "wq_a.weight", (c["q_lora_rank"], d), "matrix"
        yield a + "q_norm.weight", (c["q_lora_rank"],), "norm"
        yield a + "wq_b.weight", (heads * width, c["q_lora_rank"]), "matrix"
        yield a + "wkv.weight", (width, d), "matrix"
        yield a + "kv_norm.weight", (width,), "norm"
        group = heads * width // c["o_groups"]
        yield a + "wo_a.weight", (c["o_groups"] * c["o_lora_rank"], group), "matrix"
        yield a + "wo_b.weight", (d, c["o_groups"] * c["o_lora_rank"]), "matrix"
        if ratio:
            yield from compressor(a + "compressor.", ratio, width, d)
        if ratio == 4:
            hi, ci = c["index_n_heads"], c["index_head_dim"]
            yield a + "indexer.wq_b.weight", (hi * ci, c["q_lora_rank"]), "matrix"
            yield a + "indexer.weights_proj.weight", (hi, d), "matrix"
            yield from compressor(a + "indexer.compressor.", ratio, ci, d)
        f, experts, ff = p + "ffn.", c["n_routed_experts"], c["moe_intermediate_size"]
        yield f + "gate.weight", (experts, d), "matrix"
        if i < c["num_hash_layers"]:
            yield f + "gate.tid2eid", (c["vocab_size"], c["num_experts_per_tok"]), "table"
        else:
            yield f + "gate.bias", (experts,), "small_f32"
        for e in [f"experts.{k}." for k in range(experts)] + ["shared_experts."]:
            yield f + e + "w1.weight", (ff, d), "matrix"
            yield f + e + "w2.weight", (d, ff), "matrix"
            yield f + e + "w3.weight", (ff, d), "matrix"
    yield "norm.weight", (d,), "norm"
    yield "hc_head_fn", (n, n * d), "matrix_f32"
    yield "hc_head_base", (n,), "small_f32"
    yield "hc_head_scale", (1,), "ones_f32"
    yield "head.weight", (c["vocab_size"], d), "head"


def compressor(name, ratio, width, d):
    token_width = 2 * width if ratio == 4 else width
    yield name + "wkv.weight", (token_width, d), "matrix"
    yield name + "wgate.weight", (token_width, d), "matrix"
    yield name + "ape", (ratio, token_width), "small_f32"
    yield name + "norm.weight", (width,), "norm"


def bf16(values):
    """Rounded to nearest, ties to even."""
    bits = struct.unpack(f"<{len(values)}I", struct.pack(f"<{len(values)}f", *values))
    return struct.pack(f"<{len(bits)}H", *((b + 0x7FFF + (b >> 16 & 1)) >> 16 for b in bits))


def f32(values):
    return struct.pack(f"<{len(values)}f", *values)


def numbers(rng, n, scale):
    return [scale * (2.0 * rng.random() - 1.0) for _ in range(n)]


def tensor_bytes(rng, shape, kind, end_tokens):
    """(dtype, bytes)"""
    n = math.prod(shape)
    unit = math.sqrt(3.0 / shape[-1])  # products of unit vectors keep unit size
    if kind == "matrix":
        return "BF16", bf16(numbers(rng, n, unit))
    if kind == "matrix_f32":
        return "F32", f32(numbers(rng, n, unit))
    if kind == "embed":
        return "BF16", bf16(numbers(rng, n, 1.0))
    if kind == "head":
        values = numbers(rng, n, HEAD_SCALE * unit)
        for token in end_tokens:
            row = slice(token * shape[1], (token + 1) * shape[1])
            values[row] = [END_ROW_SCALE * v for v in values[row]]
        return "BF16", bf16(values)
    if kind == "norm":
        return "BF16", bf16([1.0] * n)
    if kind == "ones_f32":
        return "F32", f32([1.0] * n)
    if kind == "small_f32":
        return "F32", f32(numbers(rng, n, 0.5))
    assert kind == "table"
    # Distinct experts in each row.
    ids = [e for _ in range(shape[0]) for e in rng.sample(range(CONFIG["n_routed_experts"]), shape[1])]
    return "I64", struct.pack(f"<{n}q", *ids)


def write_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, dtype, data in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for _, _, _, data in tensors:
            out.write(data)


def write_json(path, value, **how):
    path.write_text(json.dumps(value, ensure_ascii=False, **how) + "\n", encoding="utf-8", newline="\n")


def make_model(directory):
    directory.mkdir(parents=True, exist_ok=True)
    corpus = (HERE / "corpus.txt").read_text(encoding="utf-8")
    merges = learn_merges(Counter(ascii_pieces(corpus, 3)), byte_alphabet(), n_merges_of(N_VOCAB))
    tokenizer, tokenizer_config, ids = make_tokenizer(merges, N_VOCAB, 3)
    end_tokens = [ids["<｜end▁of▁sentence｜>"], ids["</think>"]]
    rng = random.Random(SEED)
    tensors = [(name, shape, *tensor_bytes(rng, shape, kind, end_tokens))
               for name, shape, kind in tensor_shapes(CONFIG)]
    # Four-byte numbers first: every tensor then starts at a multiple of its element.
    tensors.sort(key=lambda t: {"I64": 0, "F32": 1, "BF16": 2}[t[2]])
    write_json(directory / "config.json", CONFIG, indent=2)
    write_json(directory / "generation_config.json", GENERATION_CONFIG, indent=2)
    write_json(directory / "tokenizer.json", tokenizer, indent=1)
    write_json(directory / "tokenizer_config.json", tokenizer_config, indent=2)
    write_safetensors(directory / "model.safetensors", tensors)


if __name__ == "__main__":
    make_model(Path(sys.argv[1]))
