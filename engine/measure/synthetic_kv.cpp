#include "engine/measure/synthetic_kv.h"

#include <algorithm>
#include <cstring>

#include "config/ensure.h"

namespace engine {
namespace {

constexpr int64_t kDistinctRows = 61;  // prime: no stride of the readers meets the same ones

uint64_t next(uint64_t& state) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return state >> 33;
}

void fill_window(const KvState& kv, kernels::Window& window, int64_t n, uint64_t& seed) {
    const auto width = static_cast<size_t>(kv.row_shape().width);
    for (int64_t i = 0; i < std::min(n, window.n_window()); ++i) {
        float* row = window.append(1);
        fill_with_noise({row, width}, next(seed));
        kernels::round_row(kv.row_shape(), row);
    }
}

void fill_rows(CompressedRows& rows, int64_t n_tokens, uint64_t& seed) {
    if (rows.shape.width == 0) return;
    const kernels::CompressorShape& shape = rows.state.shape;
    const auto n_state = static_cast<size_t>(shape.n_kept() * shape.token_width());
    fill_with_noise({rows.state.values.get(), n_state}, next(seed));
    fill_with_noise({rows.state.gates.get(), n_state}, next(seed));
    const int64_t n = n_tokens / shape.ratio;
    const int64_t size = rows.shape.bytes();
    std::vector<float> row(static_cast<size_t>(rows.shape.width));
    for (int64_t i = 0; i < std::min(n, kDistinctRows); ++i) {
        fill_with_noise(row, next(seed));
        kernels::store_row(rows.shape, row.data(), rows.row(i));
    }
    for (int64_t i = kDistinctRows; i < n; ++i) {
        std::memcpy(rows.row(i), rows.row(i % kDistinctRows), static_cast<size_t>(size));
    }
}

}  // namespace

void fill_with_noise(std::span<float> numbers, uint64_t seed) {
    constexpr float kScale = 1.7f * 0x1p-30f;  // of 31 bits: deviation 1
    for (float& x : numbers) x = kScale * static_cast<float>(next(seed)) - 1.7f;
}

void fill_kv(KvState& kv, int64_t n_tokens, uint64_t seed) {
    ENSURE(kv.n_tokens() == 0 && n_tokens <= kv.n_ctx());
    for (int64_t i = 0; i < kv.n_layers(); ++i) {
        LayerKv& layer = kv.layer(i);
        fill_window(kv, layer.window, n_tokens, seed);
        fill_rows(layer.entries, n_tokens, seed);
        fill_rows(layer.indexer_keys, n_tokens, seed);
    }
    kv.advance(n_tokens);
}

}  // namespace engine
