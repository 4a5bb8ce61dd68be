#pragma once
// The k highest of n scores: higher score first, then lower index. NaN counts as highest or lowest
// by its sign, so a broken model chooses badly but always chooses k distinct indices.
#include <cstdint>

namespace engine::kernels {

// Writes chosen[min(k, n)], best first, and returns how many. scratch: [n]. n < 2^32.
int64_t top_k(const float* scores, int64_t n, int64_t k, uint64_t* scratch, int32_t* chosen);

namespace ref {
int64_t top_k(const float* scores, int64_t n, int64_t k, int32_t* chosen);
}  // namespace ref

}  // namespace engine::kernels
