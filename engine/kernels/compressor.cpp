#include "engine/kernels/compressor.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace engine::kernels {
namespace {

// One item of a pool: where its numbers for channel 0 lie.
struct Item {
    const float* values;
    const float* gates;
};

// softmax over items of gates, channel by channel in blocks, then the weighted sum of values.
void pool(const CompressorShape& shape, int64_t n_items, auto item, float* row) {
    constexpr int64_t kBlock = 64;
    for (int64_t begin = 0; begin < shape.width; begin += kBlock) {
        const int64_t n = std::min(kBlock, shape.width - begin);
        float top[kBlock];
        float norm[kBlock] = {};
        float sum[kBlock] = {};
        std::copy_n(item(0).gates + begin, n, top);
        for (int64_t i = 1; i < n_items; ++i) {
            const float* gates = item(i).gates + begin;
            for (int64_t x = 0; x < n; ++x) top[x] = std::max(top[x], gates[x]);
        }
        for (int64_t i = 0; i < n_items; ++i) {
            const Item source = item(i);
            for (int64_t x = 0; x < n; ++x) {
                const float p = std::exp(source.gates[begin + x] - top[x]);
                norm[x] += p;
                sum[x] += p * source.values[begin + x];
            }
        }
        for (int64_t x = 0; x < n; ++x) row[begin + x] = sum[x] / norm[x];
    }
}

}  // namespace

CompressorState::CompressorState(const CompressorShape& s) : shape(s) {
    const auto n = static_cast<size_t>(s.n_kept() * s.token_width());
    values = std::make_unique_for_overwrite<float[]>(n);
    gates = std::make_unique_for_overwrite<float[]>(n);
}

int64_t CompressorState::bytes() const {
    return 2 * shape.n_kept() * shape.token_width() * static_cast<int64_t>(sizeof(float));
}

bool compressor_push(CompressorState& state, int64_t pos, const float* values, const float* gates,
                     const float* ape, float* row) {
    const CompressorShape& shape = state.shape;
    const int64_t token_width = shape.token_width();
    const int64_t slot = pos % shape.n_kept() * token_width;
    const float* bias = ape + pos % shape.ratio * token_width;
    std::copy_n(values, token_width, state.values.get() + slot);
    for (int64_t x = 0; x < token_width; ++x)
        state.gates[static_cast<size_t>(slot + x)] = gates[x] + bias[x];
    if ((pos + 1) % shape.ratio != 0) return false;

    const int64_t window_begin = pos + 1 - shape.ratio;
    const bool pools_previous = shape.overlap == Overlap::previous_window && window_begin > 0;
    const int64_t first = pools_previous ? window_begin - shape.ratio : window_begin;
    const int64_t own_half = shape.overlap == Overlap::none ? 0 : shape.width;
    pool(
        shape, pos + 1 - first,
        [&](int64_t i) {
            const int64_t token = first + i;
            const int64_t offset =
                token % shape.n_kept() * token_width + (token < window_begin ? 0 : own_half);
            return Item{state.values.get() + offset, state.gates.get() + offset};
        },
        row);
    return true;
}

namespace ref {

void compress_window(const CompressorShape& shape, const float* values, const float* gates,
                     const float* ape, int64_t w, float* row) {
    const int64_t width = shape.token_width();
    const bool overlap = shape.overlap == Overlap::previous_window;
    const int64_t begin = w * shape.ratio;
    const int64_t first = overlap && w > 0 ? begin - shape.ratio : begin;
    for (int64_t x = 0; x < shape.width; ++x) {
        double norm = 0;
        double sum = 0;
        for (int64_t t = first; t < begin + shape.ratio; ++t) {
            const int64_t channel = overlap && t >= begin ? shape.width + x : x;
            const float gate = gates[t * width + channel] + ape[t % shape.ratio * width + channel];
            const double p = std::exp(static_cast<double>(gate));
            norm += p;
            sum += p * static_cast<double>(values[t * width + channel]);
        }
        row[x] = static_cast<float>(sum / norm);
    }
}

}  // namespace ref
}  // namespace engine::kernels
