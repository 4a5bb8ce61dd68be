#include "engine/model/tensor_specs.h"

#include "engine/kernels/compressor.h"
#include "engine/weights/tensor_source.h"

namespace engine {
namespace {

using Shape = std::vector<int64_t>;

struct Specs {
    const ModelConfig& c;
    std::vector<TensorSpec> list;

    void matrix(const std::string& name, int64_t rows, int64_t cols) {
        list.push_back({name + ".weight", {rows, cols}, TensorRole::matrix});
    }
    void norm(const std::string& name, int64_t n) {
        list.push_back({name + ".weight", {n}, TensorRole::vector});
    }
    void plain(const std::string& name, Shape shape, TensorRole role = TensorRole::vector) {
        list.push_back({name, std::move(shape), role});
    }

    void hc(const std::string& name, int64_t rows, int64_t n_scales) {
        plain(name + "_fn", {rows, c.n_hc * c.n_embd}, TensorRole::matrix_f32);
        plain(name + "_base", {rows});
        plain(name + "_scale", {n_scales});
    }
    void compressor(const std::string& name, const LayerConfig& layer, int64_t width) {
        const bool overlap = layer.attention == AttentionKind::csa;
        const int64_t token_width = overlap ? 2 * width : width;
        matrix(name + ".wkv", token_width, c.n_embd);
        matrix(name + ".wgate", token_width, c.n_embd);
        plain(name + ".ape", {layer.compress_ratio, token_width});
        norm(name + ".norm", width);
    }
    void attention(const std::string& name, const LayerConfig& layer) {
        const int64_t n_group = c.n_heads * c.head_dim / c.o_groups;
        plain(name + ".attn_sink", {c.n_heads});
        matrix(name + ".wq_a", c.q_lora_rank, c.n_embd);
        norm(name + ".q_norm", c.q_lora_rank);
        matrix(name + ".wq_b", c.n_heads * c.head_dim, c.q_lora_rank);
        matrix(name + ".wkv", c.head_dim, c.n_embd);
        norm(name + ".kv_norm", c.head_dim);
        matrix(name + ".wo_a", c.o_groups * c.o_lora_rank, n_group);
        matrix(name + ".wo_b", c.n_embd, c.o_groups * c.o_lora_rank);
        if (layer.attention == AttentionKind::sliding) return;
        compressor(name + ".compressor", layer, c.head_dim);
        if (layer.attention != AttentionKind::csa) return;
        matrix(name + ".indexer.wq_b", c.indexer.n_heads * c.indexer.head_dim, c.q_lora_rank);
        matrix(name + ".indexer.weights_proj", c.indexer.n_heads, c.n_embd);
        compressor(name + ".indexer.compressor", layer, c.indexer.head_dim);
    }
    void expert(const std::string& name) {
        matrix(name + ".w1", c.n_ff, c.n_embd);
        matrix(name + ".w3", c.n_ff, c.n_embd);
        matrix(name + ".w2", c.n_embd, c.n_ff);
    }
    void ffn(const std::string& name, const LayerConfig& layer) {
        matrix(name + ".gate", c.n_experts, c.n_embd);
        if (layer.hash_routed) {
            plain(name + ".gate.tid2eid", {c.n_vocab, c.n_experts_used}, TensorRole::table);
        } else {
            plain(name + ".gate.bias", {c.n_experts});
        }
        for (int64_t e = 0; e < c.n_experts; ++e) expert(name + ".experts." + std::to_string(e));
        expert(name + ".shared_experts");
    }
    void layer(const std::string& name, const LayerConfig& shape) {
        norm(name + ".attn_norm", c.n_embd);
        norm(name + ".ffn_norm", c.n_embd);
        hc(name + ".hc_attn", (2 + c.n_hc) * c.n_hc, 3);
        hc(name + ".hc_ffn", (2 + c.n_hc) * c.n_hc, 3);
        attention(name + ".attn", shape);
        ffn(name + ".ffn", shape);
    }
};

}  // namespace

std::vector<TensorSpec> tensor_specs(const ModelConfig& config) {
    Specs specs{config, {}};
    specs.matrix("embed", config.n_vocab, config.n_embd);
    specs.matrix("head", config.n_vocab, config.n_embd);
    specs.norm("norm", config.n_embd);
    specs.hc("hc_head", config.n_hc, 1);
    for (int64_t i = 0; i < config.n_layers; ++i) {
        specs.layer("layers." + std::to_string(i), config.layers[static_cast<size_t>(i)]);
    }
    return std::move(specs.list);
}

std::vector<TensorSpec> mtp_tensor_specs(const ModelConfig& config) {
    Specs specs{config, {}};
    const std::string name = "mtp.0";
    specs.matrix(name + ".e_proj", config.n_embd, config.n_embd);
    specs.matrix(name + ".h_proj", config.n_embd, config.n_embd);
    for (const char* norm : {".enorm", ".hnorm", ".norm"}) specs.norm(name + norm, config.n_embd);
    specs.hc(name + ".hc_head", config.n_hc, 1);
    specs.layer(name, kMtpLayer);
    return std::move(specs.list);
}

int64_t n_parameters(const ModelConfig& config) {
    int64_t n = 0;
    for (const auto& spec : tensor_specs(config)) {
        if (spec.role != TensorRole::table) n += n_elements(spec.shape).value_or(0);
    }
    return n;
}

}  // namespace engine
