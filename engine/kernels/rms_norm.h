#pragma once
// Root-mean-square norm of one vector:
//     out[i] = x[i] * (mean(x^2) + eps)^-0.5 * weight[i]
#include <cstdint>

#include "engine/kernels/ops.h"

namespace engine::kernels {

// (mean(x^2) + eps)^-0.5 over x[n], n >= 1.
float rms_reciprocal(const Ops& ops, const float* x, int64_t n, float eps);
// weight[n], or null for a norm without one. out may be x.
void rms_norm(const Ops& ops, const float* x, const float* weight, int64_t n, float eps,
              float* out);

namespace ref {
void rms_norm(const float* x, const float* weight, int64_t n, float eps, float* out);
}  // namespace ref

}  // namespace engine::kernels
