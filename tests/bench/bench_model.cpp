#include "tests/bench/bench_model.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "config/ensure.h"
#include "engine/kernels/half.h"
#include "engine/plan/weight_format.h"

namespace bench {
namespace {

using engine::Tensor;
using engine::TensorRole;
using engine::TensorSpec;
using engine::TensorType;

struct Shape {
    int64_t n_layers, n_embd, n_heads, head_dim, q_lora_rank, o_groups, o_lora_rank, n_experts,
        n_ff, index_heads, index_top_k, n_vocab;
};

Shape shape_of(std::string_view name) {
    if (name == "xs") return {6, 512, 8, 128, 128, 4, 128, 32, 256, 8, 64, 4096};
    if (name == "s") return {8, 1024, 16, 512, 256, 4, 256, 64, 512, 16, 512, 16384};
    if (name == "m") return {8, 2048, 32, 512, 512, 8, 512, 128, 1024, 32, 512, 32768};
    ENSURE(name == "x");
    return {4, 4096, 64, 512, 1024, 8, 1024, 32, 2048, 64, 512, 32768};
}

class Random {
public:
    uint64_t operator()() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_;
    }
    float uniform() { return static_cast<float>((*this)() >> 40) * 0x1p-24f; }  // [0, 1)
    float centred() { return 2 * uniform() - 1; }

private:
    uint64_t state_ = 0x9E3779B97F4A7C15;
};

template <class T>
void put(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof value);
}

void fill_matrix(const TensorSpec& spec, TensorType type, Random& random,
                 std::vector<std::byte>& bytes) {
    const float size =
        spec.name == "embed.weight" ? 1 : 1 / std::sqrt(static_cast<float>(spec.shape.back()));
    if (type == TensorType::f16) {
        for (size_t i = 0; i < bytes.size(); i += 2) {
            put(bytes.data() + i, engine::kernels::f32_to_f16(1.7f * size * random.centred()));
        }
        return;
    }
    for (size_t i = 0; i + 8 <= bytes.size(); i += 8) put(bytes.data() + i, random());
    const bool q8_0 = type == TensorType::q8_0;
    const uint16_t scale = engine::kernels::f32_to_f16(size / 74);
    const auto exponent = static_cast<uint8_t>(127 + std::lrint(std::log2(size / 2.93f)));
    for (size_t i = 0; i < bytes.size(); i += q8_0 ? 34 : 17) {
        if (q8_0) {
            put(bytes.data() + i, scale);
        } else {
            put(bytes.data() + i, exponent);
        }
    }
}

void fill(const TensorSpec& spec, TensorType type, int64_t n_experts, Random& random,
          std::vector<std::byte>& bytes) {
    if (type == TensorType::f32) {
        const bool norm = spec.name.ends_with("norm.weight");
        const bool scale = spec.name.ends_with("_scale");
        for (size_t i = 0; i < bytes.size(); i += 4) {
            const float value = norm ? 1 : scale ? 0.5f : 0.1f * random.centred();
            put(bytes.data() + i, value);
        }
    } else if (type == TensorType::i32) {
        const int64_t width = spec.shape[1];
        for (size_t i = 0; i < bytes.size() / 4; ++i) {
            const auto place = static_cast<int64_t>(i);
            const int64_t token = place / width;
            const auto id = (token * 5 + token / 7 + place % width) % n_experts;
            put(bytes.data() + i * 4, static_cast<int32_t>(id));
        }
    } else {
        fill_matrix(spec, type, random, bytes);
    }
}

class BenchTensors final : public engine::TensorSource {
public:
    explicit BenchTensors(const engine::ModelConfig& config) {
        Random random;
        for (const TensorSpec& spec : engine::tensor_specs(config)) {
            const TensorType type = engine::stored_type(spec, engine::WeightFormat::gguf);
            // Vectors differ by their names, matrices by their shapes.
            const bool shared = spec.role == TensorRole::matrix && spec.name != "embed.weight";
            std::string key = shared ? engine::to_string(spec.shape) : spec.name;
            key += engine::to_string(type);
            auto& bytes = bytes_[key];
            if (bytes.empty()) {
                bytes.resize(static_cast<size_t>(engine::n_bytes(type, spec.shape).value()));
                fill(spec, type, config.n_experts, random, bytes);
            }
            tensors_.push_back({spec.name, type, spec.shape, bytes, "bench"});
        }
    }
    const std::vector<Tensor>& tensors() const override { return tensors_; }

private:
    std::map<std::string, std::vector<std::byte>> bytes_;
    std::vector<Tensor> tensors_;
};

}  // namespace

engine::ModelConfig shape_config(std::string_view shape) {
    const Shape s = shape_of(shape);
    engine::ModelConfig c;
    c.n_vocab = s.n_vocab;
    c.n_embd = s.n_embd;
    c.n_layers = s.n_layers;
    c.n_heads = s.n_heads;
    c.head_dim = s.head_dim;
    c.n_rot = 64;
    c.q_lora_rank = s.q_lora_rank;
    c.o_groups = s.o_groups;
    c.o_lora_rank = s.o_lora_rank;
    c.n_window = 128;
    c.indexer = {s.index_heads, 128, s.index_top_k};
    c.n_experts = s.n_experts;
    c.n_experts_used = 6;
    c.n_ff = s.n_ff;
    c.routed_scale = 1.5f;
    c.swiglu_limit = 10;
    c.n_hc = 4;
    c.hc_sinkhorn_iters = 20;
    c.hc_eps = 1e-6f;
    c.rms_eps = 1e-6f;
    c.rope_main = {};
    c.rope_compress = {160000, true, 16, 32, 1, 65536};
    c.n_ctx_max = 1 << 20;
    for (int64_t i = 0; i < s.n_layers; ++i) {
        using engine::AttentionKind;
        const bool csa = i % 2 == 0;
        // x has no sliding layers: it stands for the many layers behind the first two.
        const bool sliding = i < 2 && shape != "x";
        c.layers.push_back({sliding ? AttentionKind::sliding
                            : csa   ? AttentionKind::csa
                                    : AttentionKind::hca,
                            sliding ? 0
                            : csa   ? 4
                                    : 128,
                            i == 0});
    }
    return c;
}

std::unique_ptr<engine::TensorSource> shape_tensors(const engine::ModelConfig& config) {
    return std::make_unique<BenchTensors>(config);
}

}  // namespace bench
