#include "engine/model/tensor_specs.h"

#include "engine/kernels/compressor.h"
#include "engine/model/tensor_kinds.h"
#include "engine/weights/tensor_source.h"

namespace engine {
namespace {

using Shape = std::vector<int64_t>;

struct Specs {
    const ModelConfig& c;
    const SpecVisitor& visit;
    int64_t n_experts_named;
    bool going = true;

    void add(const TensorSpec& spec) { going = going && visit(spec); }
    void matrix(const std::string& name, int64_t rows, int64_t cols) {
        add({name + ".weight", {rows, cols}, TensorRole::matrix});
    }
    void norm(const std::string& name, int64_t n) {
        add({name + ".weight", {n}, TensorRole::vector});
    }
    void plain(const std::string& name, Shape shape, TensorRole role = TensorRole::vector) {
        add({name, std::move(shape), role});
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
        for (int64_t e = 0; going && e < n_experts_named; ++e)
            expert(name + ".experts." + std::to_string(e));
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

void visit_model(const ModelConfig& config, int64_t n_experts_named, const SpecVisitor& visit) {
    Specs specs{config, visit, n_experts_named};
    specs.matrix("embed", config.n_vocab, config.n_embd);
    specs.matrix("head", config.n_vocab, config.n_embd);
    specs.norm("norm", config.n_embd);
    specs.hc("hc_head", config.n_hc, 1);
    for (int64_t i = 0; specs.going && i < config.n_layers; ++i) {
        specs.layer("layers." + std::to_string(i), config.layers[static_cast<size_t>(i)]);
    }
}

void visit_mtp(const ModelConfig& config, int64_t n_experts_named, const SpecVisitor& visit) {
    Specs specs{config, visit, n_experts_named};
    const std::string name = "mtp.0";
    specs.matrix(name + ".e_proj", config.n_embd, config.n_embd);
    specs.matrix(name + ".h_proj", config.n_embd, config.n_embd);
    for (const char* norm : {".enorm", ".hnorm", ".norm"}) specs.norm(name + norm, config.n_embd);
    specs.hc(name + ".hc_head", config.n_hc, 1);
    specs.layer(name, kMtpLayer);
}

SpecVisitor counting_alike(const ModelConfig& config, const KindVisitor& visit) {
    return [&config, &visit](const TensorSpec& spec) {
        visit(spec, is_routed_expert(spec.name) ? config.n_experts : 1);
        return true;
    };
}

int64_t saturating_add(int64_t a, int64_t b) {
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

}  // namespace

void visit_tensor_specs(const ModelConfig& config, const SpecVisitor& visit) {
    visit_model(config, config.n_experts, visit);
}

std::vector<TensorSpec> tensor_specs(const ModelConfig& config) {
    std::vector<TensorSpec> list;
    visit_tensor_specs(config, [&list](const TensorSpec& spec) {
        list.push_back(spec);
        return true;
    });
    return list;
}

std::vector<TensorSpec> mtp_tensor_specs(const ModelConfig& config) {
    std::vector<TensorSpec> list;
    visit_mtp(config, config.n_experts, [&list](const TensorSpec& spec) {
        list.push_back(spec);
        return true;
    });
    return list;
}

void visit_tensor_kinds(const ModelConfig& config, const KindVisitor& visit) {
    visit_model(config, 1, counting_alike(config, visit));
}

void visit_mtp_tensor_kinds(const ModelConfig& config, const KindVisitor& visit) {
    visit_mtp(config, 1, counting_alike(config, visit));
}

bool is_routed_expert(std::string_view name) {
    return name.find(".experts.") != std::string_view::npos;
}

int64_t n_parameters(const ModelConfig& config) {
    int64_t total = 0;
    visit_tensor_kinds(config, [&total](const TensorSpec& spec, int64_t n_alike) {
        if (spec.role == TensorRole::table) return;
        int64_t n = n_elements(spec.shape).value_or(INT64_MAX);
        if (__builtin_mul_overflow(n, n_alike, &n)) n = INT64_MAX;
        total = saturating_add(total, n);
    });
    return total;
}

}  // namespace engine
