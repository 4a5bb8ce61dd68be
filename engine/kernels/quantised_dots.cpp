#include "engine/kernels/quantised_dots.h"

#include <algorithm>

#include "engine/kernels/dequantise.h"

namespace engine::kernels {
namespace {

constexpr int64_t kLanes = 16;

void add_products(const float* w, const float* x, int64_t n, float* lanes) {
    float sums[kLanes];
    std::copy_n(lanes, kLanes, sums);
    int64_t c = 0;
    for (; c + kLanes <= n; c += kLanes) {
        for (int64_t i = 0; i < kLanes; ++i) sums[i] += w[c + i] * x[c + i];
    }
    for (int64_t i = 0; c + i < n; ++i) sums[i] += w[c + i] * x[c + i];
    std::copy_n(sums, kLanes, lanes);
}

float add_lanes(float* lanes) {
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
        for (int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

}  // namespace

void quantised_dots(const Matrix& w, const float* const* x, int64_t n_x, float* const* out) {
    float numbers[kDequantiseStep];
    float lanes[kQuantisedDotsMax][kLanes];
    for (int64_t i = 0; i < w.rows; ++i) {
        for (int64_t j = 0; j < n_x; ++j) std::fill_n(lanes[j], kLanes, 0.0f);
        for (int64_t begin = 0; begin < w.cols; begin += kDequantiseStep) {
            const int64_t end = std::min(begin + kDequantiseStep, w.cols);
            dequantise(w, i, begin, end, numbers);
            for (int64_t j = 0; j < n_x; ++j) {
                add_products(numbers, x[j] + begin, end - begin, lanes[j]);
            }
        }
        for (int64_t j = 0; j < n_x; ++j) out[j][i] = add_lanes(lanes[j]);
    }
}

}  // namespace engine::kernels
