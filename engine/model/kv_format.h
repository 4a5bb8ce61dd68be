#pragma once
// How a sequence's KV is held: rows of every layer, window and compressed, and indexer keys.
#include <cstdint>

#include "engine/kernels/compressor.h"
#include "engine/kernels/row_format.h"
#include "engine/model/model_config.h"

namespace engine {

enum class KvFormat : uint8_t {
    f32,
    bf16,
    official,  // rows e4m3 with bf16 for the turned numbers; keys e2m1 behind a Hadamard transform
};

constexpr const char* to_string(KvFormat format) {
    constexpr const char* kNames[] = {"f32", "bf16", "official"};
    return kNames[static_cast<int>(format)];
}

kernels::RowShape kv_row_shape(const ModelConfig& config, KvFormat format);
kernels::RowShape indexer_key_shape(const ModelConfig& config, KvFormat format);
// Of a layer that compresses, csa or hca, into rows of `width`.
kernels::CompressorShape compressor_shape(const LayerConfig& layer, int64_t width);

constexpr int64_t saturated_sum(int64_t a, int64_t b) {  // of sizes, which are not negative
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

// Memory of one sequence that holds n_tokens: what grows with it, and what it always has; INT64_MAX
// for what is beyond that.
struct KvBytes {
    int64_t growing = 0;
    int64_t fixed = 0;

    int64_t total() const { return saturated_sum(growing, fixed); }
};
KvBytes kv_bytes(const ModelConfig& config, KvFormat format, int64_t n_tokens);

}  // namespace engine
