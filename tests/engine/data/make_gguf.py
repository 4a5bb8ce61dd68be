"""Writes fixtures/gguf/official-layout.gguf with the gguf package: the numbers of
fixtures/official-layout under the names and keys of llama.cpp's converter, so that the reader is held
to another program's file. Needs: pip install gguf==0.19.0"""

import json
import pathlib
import struct

import gguf
import numpy

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
SOURCE = FIXTURES / "official-layout"

ROOT = {
    "embed.weight": "token_embd.weight", "head.weight": "output.weight", "norm.weight": "output_norm.weight",
    "hc_head_fn": "output_hc_fn.weight", "hc_head_base": "output_hc_base.weight",
    "hc_head_scale": "output_hc_scale.weight",
}
LAYER = {
    "attn_norm.weight": "attn_norm.weight", "ffn_norm.weight": "ffn_norm.weight",
    "attn.attn_sink": "attn_sinks.weight", "attn.wq_a.weight": "attn_q_a.weight",
    "attn.q_norm.weight": "attn_q_a_norm.weight", "attn.wq_b.weight": "attn_q_b.weight",
    "attn.wkv.weight": "attn_kv.weight", "attn.kv_norm.weight": "attn_kv_a_norm.weight",
    "attn.wo_a.weight": "attn_output_a.weight", "attn.wo_b.weight": "attn_output_b.weight",
    "attn.compressor.wkv.weight": "attn_compressor_kv.weight",
    "attn.compressor.wgate.weight": "attn_compressor_gate.weight",
    "attn.compressor.ape": "attn_compressor_ape.weight",
    "attn.compressor.norm.weight": "attn_compressor_norm.weight",
    "attn.indexer.wq_b.weight": "indexer.attn_q_b.weight",
    "attn.indexer.weights_proj.weight": "indexer.proj.weight",
    "attn.indexer.compressor.wkv.weight": "indexer_compressor_kv.weight",
    "attn.indexer.compressor.wgate.weight": "indexer_compressor_gate.weight",
    "attn.indexer.compressor.ape": "indexer_compressor_ape.weight",
    "attn.indexer.compressor.norm.weight": "indexer_compressor_norm.weight",
    "ffn.gate.weight": "ffn_gate_inp.weight", "ffn.gate.bias": "exp_probs_b.bias",
    "ffn.gate.tid2eid": "ffn_gate_tid2eid.weight",
    "ffn.shared_experts.w1.weight": "ffn_gate_shexp.weight",
    "ffn.shared_experts.w2.weight": "ffn_down_shexp.weight",
    "ffn.shared_experts.w3.weight": "ffn_up_shexp.weight",
}
for site in ("attn", "ffn"):
    for part in ("fn", "base", "scale"):
        LAYER[f"hc_{site}_{part}"] = f"hc_{site}_{part}.weight"
EXPERTS = {"w1": "ffn_gate_exps", "w2": "ffn_down_exps", "w3": "ffn_up_exps"}


def tensors():
    raw = (SOURCE / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        kind = {"BF16": numpy.uint16, "F32": numpy.float32, "I64": numpy.int64}[entry["dtype"]]
        yield name, entry["dtype"], numpy.frombuffer(raw[begin:end], dtype=kind).reshape(entry["shape"])


def add(writer, name, dtype, numbers):
    if dtype == "I64":
        writer.add_tensor(name, numbers.astype(numpy.int32))
    elif dtype == "F32":
        writer.add_tensor(name, numbers)
    elif numbers.ndim == 1:  # norms are F32 there
        writer.add_tensor(name, (numbers.astype(numpy.uint32) << 16).view(numpy.float32))
    else:
        raw = numbers.view(numpy.uint8)
        writer.add_tensor(name, raw, raw_dtype=gguf.GGMLQuantizationType.BF16)


def add_keys(writer, config):
    own = "deepseek4."
    rope = config["rope_scaling"]
    layers = config["num_hidden_layers"]
    for key, value in {
        "block_count": layers, "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"], "vocab_size": config["vocab_size"],
        "attention.head_count": config["num_attention_heads"], "attention.head_count_kv": 1,
        "attention.key_length": config["head_dim"], "attention.value_length": config["head_dim"],
        "attention.q_lora_rank": config["q_lora_rank"], "attention.sliding_window": config["sliding_window"],
        "attention.output_group_count": config["o_groups"], "attention.output_lora_rank": config["o_lora_rank"],
        "attention.indexer.head_count": config["index_n_heads"],
        "attention.indexer.key_length": config["index_head_dim"],
        "attention.indexer.top_k": config["index_topk"], "hyper_connection.count": config["hc_mult"],
        "hyper_connection.sinkhorn_iterations": config["hc_sinkhorn_iters"],
        "hash_layer_count": config["num_hash_layers"], "expert_count": config["n_routed_experts"],
        "expert_used_count": config["num_experts_per_tok"], "expert_shared_count": 1,
        "expert_feed_forward_length": config["moe_intermediate_size"], "expert_gating_func": 4,
        "rope.dimension_count": config["qk_rope_head_dim"],
        "rope.scaling.original_context_length": rope["original_max_position_embeddings"],
    }.items():
        writer.add_uint32(own + key, value)
    for key, value in {
        "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        "attention.compress_rope_freq_base": config["compress_rope_theta"],
        "hyper_connection.epsilon": config["hc_eps"], "expert_weights_scale": config["routed_scaling_factor"],
        "rope.freq_base": config["rope_theta"], "rope.scaling.factor": rope["factor"],
        "rope.scaling.yarn_beta_fast": rope["beta_fast"], "rope.scaling.yarn_beta_slow": rope["beta_slow"],
    }.items():
        writer.add_float32(own + key, value)
    writer.add_bool(own + "expert_weights_norm", True)
    writer.add_string(own + "rope.scaling.type", "yarn")
    writer.add_array(own + "attention.compress_ratios", config["compress_ratios"])
    writer.add_array(own + "swiglu_clamp_exp", [float(config["swiglu_limit"])] * layers)


def add_tokenizer(writer):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("joyai-llm")
    root = json.loads((pathlib.Path(__file__).parent / "tokenizer.json").read_text())
    vocab = {id_: (token, gguf.TokenType.NORMAL) for token, id_ in root["model"]["vocab"].items()}
    for added in root["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        vocab[added["id"]] = (added["content"], kind)
    n = max(vocab) + 1
    pad = [(f"[PAD{i}]", gguf.TokenType.UNUSED) for i in range(n)]
    entries = [vocab.get(i, pad[i]) for i in range(n)]
    writer.add_token_list([token for token, _ in entries])
    writer.add_token_types([kind for _, kind in entries])
    merges = root["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)


def main():
    config = json.loads((SOURCE / "config.json").read_text())
    writer = gguf.GGUFWriter(FIXTURES / "gguf" / "official-layout.gguf", "deepseek4")
    add_keys(writer, config)
    add_tokenizer(writer)
    stacks = {}
    for name, dtype, numbers in tensors():
        if name in ROOT:
            add(writer, ROOT[name], dtype, numbers)
            continue
        _, layer, leaf = name.split(".", 2)
        if leaf.startswith("ffn.experts."):
            expert, matrix = leaf.split(".")[2:4]
            stacks.setdefault(f"blk.{layer}.{EXPERTS[matrix]}.weight", {})[int(expert)] = numbers
        else:
            add(writer, f"blk.{layer}.{LAYER[leaf]}", dtype, numbers)
    for name, parts in stacks.items():
        add(writer, name, "BF16", numpy.stack([parts[e] for e in sorted(parts)]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
