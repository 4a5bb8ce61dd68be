#include "engine/kernels/rms_norm.h"

#include <cmath>

namespace engine::kernels {

float rms_reciprocal(const Ops& ops, const float* x, int64_t n, float eps) {
    return 1.0f / std::sqrt(ops.sum_of_squares(x, n) / static_cast<float>(n) + eps);
}

void rms_norm(const Ops& ops, const float* x, const float* weight, int64_t n, float eps,
              float* out) {
    const float scale = rms_reciprocal(ops, x, n, eps);
    if (weight == nullptr) {
        for (int64_t i = 0; i < n; ++i) out[i] = x[i] * scale;
    } else {
        for (int64_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
    }
}

namespace ref {

void rms_norm(const float* x, const float* weight, int64_t n, float eps, float* out) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    const double scale = 1 / std::sqrt(sum / static_cast<double>(n) + static_cast<double>(eps));
    for (int64_t i = 0; i < n; ++i) {
        const double w = weight == nullptr ? 1 : static_cast<double>(weight[i]);
        out[i] = static_cast<float>(static_cast<double>(x[i]) * scale * w);
    }
}

}  // namespace ref
}  // namespace engine::kernels
