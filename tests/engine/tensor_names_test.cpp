#include "engine/weights/tensor_names.h"

#include <catch2/catch.hpp>

using engine::official_name;

TEST_CASE("tensor names: official ones stay", "[engine][weights]") {
    for (const char* name :
         {"embed.weight", "head.weight", "norm.weight", "hc_head_fn", "layers.0.attn_norm.weight",
          "layers.3.hc_attn_base", "layers.3.attn.attn_sink", "layers.3.attn.wq_a.weight",
          "layers.3.attn.kv_norm.weight", "layers.3.attn.compressor.norm.weight",
          "layers.3.attn.indexer.compressor.ape", "layers.3.attn.indexer.wq_b.weight",
          "layers.3.ffn.gate.bias", "layers.3.ffn.experts.7.w2.weight",
          "layers.3.ffn.shared_experts.w1.weight", "mtp.0.hc_head_fn"}) {
        CHECK(official_name(name) == name);
    }
}

TEST_CASE("tensor names: transformers' and mixed ones become official", "[engine][weights]") {
    const std::pair<const char*, const char*> names[] = {
        {"lm_head.weight", "head.weight"},
        {"model.embed_tokens.weight", "embed.weight"},
        {"model.norm.weight", "norm.weight"},
        {"model.hc_head.hc_fn", "hc_head_fn"},
        {"model.hc_head.hc_scale", "hc_head_scale"},
        {"mtp.0.hc_head.hc_base", "mtp.0.hc_head_base"},
        {"model.layers.1.input_layernorm.weight", "layers.1.attn_norm.weight"},
        {"model.layers.1.post_attention_layernorm.weight", "layers.1.ffn_norm.weight"},
        {"model.layers.1.attn_hc.fn", "layers.1.hc_attn_fn"},
        {"model.layers.1.ffn_hc.scale", "layers.1.hc_ffn_scale"},
        {"model.layers.1.self_attn.sinks", "layers.1.attn.attn_sink"},
        {"model.layers.1.self_attn.q_a_norm.weight", "layers.1.attn.q_norm.weight"},
        {"model.layers.1.self_attn.kv_proj.weight", "layers.1.attn.wkv.weight"},
        {"model.layers.1.self_attn.kv_norm.weight", "layers.1.attn.kv_norm.weight"},
        {"model.layers.1.self_attn.o_a_proj.weight", "layers.1.attn.wo_a.weight"},
        {"model.layers.1.self_attn.compressor.gate_proj.weight",
         "layers.1.attn.compressor.wgate.weight"},
        {"model.layers.1.self_attn.compressor.kv_norm.weight",
         "layers.1.attn.compressor.norm.weight"},
        {"model.layers.1.self_attn.compressor.position_bias", "layers.1.attn.compressor.ape"},
        {"model.layers.1.self_attn.compressor.indexer.kv_proj.weight",
         "layers.1.attn.indexer.compressor.wkv.weight"},
        {"model.layers.1.self_attn.compressor.indexer.q_b_proj.weight",
         "layers.1.attn.indexer.wq_b.weight"},
        {"model.layers.1.self_attn.compressor.indexer.scorer.weights_proj.weight",
         "layers.1.attn.indexer.weights_proj.weight"},
        {"model.layers.1.self_attn.compressor.indexer.weights_proj.weight",
         "layers.1.attn.indexer.weights_proj.weight"},
        {"layers.1.attn.indexer.wgate.weight", "layers.1.attn.indexer.compressor.wgate.weight"},
        {"layers.1.attn.indexer.position_bias", "layers.1.attn.indexer.compressor.ape"},
        {"layers.1.attn.indexer.kv_norm.weight", "layers.1.attn.indexer.compressor.norm.weight"},
        {"model.layers.1.attn.norm.weight", "layers.1.attn.kv_norm.weight"},
        {"model.layers.1.mlp.gate.weight", "layers.1.ffn.gate.weight"},
        {"model.layers.1.mlp.gate.e_score_correction_bias", "layers.1.ffn.gate.bias"},
        {"model.layers.1.mlp.gate.tid2eid", "layers.1.ffn.gate.tid2eid"},
        {"model.layers.1.mlp.shared_experts.gate_proj.weight",
         "layers.1.ffn.shared_experts.w1.weight"},
        {"model.layers.1.mlp.shared_experts.down_proj.weight",
         "layers.1.ffn.shared_experts.w2.weight"},
        {"model.layers.1.mlp.shared_experts.up_proj.weight",
         "layers.1.ffn.shared_experts.w3.weight"},
        {"model.layers.1.mlp.experts.gate_up_proj", "layers.1.ffn.experts.gate_up_proj"},
        {"model.layers.1.mlp.experts.down_proj", "layers.1.ffn.experts.down_proj"},
        {"model.layers.1.self_attn.q_a_proj.weight_scale_inv", "layers.1.attn.wq_a.scale"},
        {"model.rotary_emb.main.inv_freq", ""},
    };
    for (const auto& [from, to] : names) CHECK(official_name(from) == to);
}

TEST_CASE("tensor names: no name breaks the mapping", "[engine][weights]") {
    for (const char* name :
         {"", ".", "..", "model", "model.", "layers", "layers.", "layers.0", "layers.0.",
          "layers.0.attn", "layers.0.attn.", "layers.0.attn_hc", "hc_head", "mtp.0.ffn",
          "layers.0.ffn.experts", "layers.0.attn.compressor", "layers.0.attn.indexer"}) {
        CHECK_NOTHROW(official_name(name));
    }
}
