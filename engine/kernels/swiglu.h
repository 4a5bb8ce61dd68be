#pragma once
// The middle of an expert, routed or shared:
//     out[i] = silu(min(gate[i], limit)) * clamp(up[i], -limit, limit),  silu(v) = v * sigmoid(v)
// The gate has no lower bound. limit 0: no clamps.
#include <cstdint>

namespace engine::kernels {

// out may be gate or up.
void swiglu(const float* gate, const float* up, int64_t n, float limit, float* out);

namespace ref {
void swiglu(const float* gate, const float* up, int64_t n, float limit, float* out);
}  // namespace ref

}  // namespace engine::kernels
