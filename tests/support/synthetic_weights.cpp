#include "tests/support/synthetic_weights.h"

#include <cmath>
#include <cstring>
#include <map>

#include "engine/model/tensor_specs.h"
#include "engine/weights/convert.h"

namespace support {
namespace {

using engine::Tensor;
using engine::TensorRole;
using engine::TensorSpec;
using engine::TensorType;

// value = offset + scale * u, u in [-1, 1)
struct Range {
    double offset = 0;
    double scale = 1;
};

Range range_of(const TensorSpec& spec) {
    const std::string& name = spec.name;
    if (name.ends_with("norm.weight")) return {1, 0.25};
    if (name.ends_with("_scale")) return {1, 0.5};
    if (name.ends_with("_base")) return {0, 1.5};
    if (name.ends_with("attn_sink")) return {0, 2};
    if (name.ends_with("ape")) return {0, 0.75};
    if (name.ends_with("gate.bias")) return {0, 0.5};
    if (name == "embed.weight") return {0, 1};
    return {0, 2.6 / std::sqrt(static_cast<double>(spec.shape.back()))};
}

template <class T>
void put(std::vector<std::byte>& bytes, int64_t i, T value) {
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(T), &value, sizeof(T));
}

class Synthetic final : public engine::TensorSource {
public:
    Synthetic(const engine::ModelConfig& config, const SyntheticOptions& options)
        : config_(config) {
        auto specs = engine::tensor_specs(config);
        if (options.with_mtp) {
            for (auto& spec : engine::mtp_tensor_specs(config)) specs.push_back(std::move(spec));
        }
        for (const auto& spec : specs) {
            const bool is_matrix = spec.role == TensorRole::matrix;
            const TensorType type = spec.role == TensorRole::table ? TensorType::i64
                                    : is_matrix                    ? options.matrix_type
                                                                   : TensorType::f32;
            const int64_t n = engine::n_elements(spec.shape).value();
            auto& bytes = bytes_[spec.name];
            bytes.resize(static_cast<size_t>(engine::n_bytes(type, spec.shape).value()));
            if (type == TensorType::i64) {
                fill_table(spec, n, bytes);
            } else {
                fill(spec, fnv1a(options.prefix + spec.name), type, n, bytes);
            }
            tensors_.push_back({spec.name, type, spec.shape, bytes, "synthetic"});
        }
    }
    const std::vector<Tensor>& tensors() const override { return tensors_; }

private:
    void fill_table(const TensorSpec& spec, int64_t n, std::vector<std::byte>& bytes) const {
        const int64_t width = spec.shape[1];
        for (int64_t i = 0; i < n; ++i) {
            const int64_t t = i / width;
            put<int64_t>(bytes, i,
                         (7 * t + t / config_.n_experts + 3 * (i % width)) % config_.n_experts);
        }
    }

    static void fill(const TensorSpec& spec, uint64_t hash, TensorType type, int64_t n,
                     std::vector<std::byte>& bytes) {
        const Range range = range_of(spec);
        for (int64_t i = 0; i < n; ++i) {
            const double u = synthetic_bits(hash, static_cast<uint64_t>(i)) * 0x1p-23 - 1;
            const auto value = static_cast<float>(range.offset + range.scale * u);
            if (type == TensorType::f32) {
                put(bytes, i, value);
            } else {
                put(bytes, i, engine::to_bf16(value));
            }
        }
    }

    engine::ModelConfig config_;
    std::map<std::string, std::vector<std::byte>> bytes_;
    std::vector<Tensor> tensors_;
};

}  // namespace

uint64_t fnv1a(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

uint32_t synthetic_bits(uint64_t name_hash, uint64_t i) {
    uint64_t z = name_hash + (i + 1) * 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return static_cast<uint32_t>((z ^ (z >> 31)) >> 40);
}

std::unique_ptr<engine::TensorSource> synthetic_tensors(const engine::ModelConfig& config,
                                                        const SyntheticOptions& options) {
    return std::make_unique<Synthetic>(config, options);
}

}  // namespace support
