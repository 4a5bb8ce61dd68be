#pragma once
// Products with rows of any stored format, dequantised on the fly in pieces that stay in registers
// and L1: the plain path of the exact mode. f32 products, f32 sums over 16 lanes (column c in lane
// c mod 16), added as a tree: the order depends on w.cols alone, so every instruction set, batch
// and split over rows gives the same bits.
#include <cstdint>

#include "engine/kernels/matrix.h"

namespace engine::kernels {

constexpr int64_t kQuantisedDotsMax = 96;  // vectors in one call

// out[j][i] = dot(row i of w, x[j]) for i < w.rows, j < n_x <= kQuantisedDotsMax. On the calling
// thread; out aliases nothing.
void quantised_dots(const Matrix& w, const float* const* x, int64_t n_x, float* const* out);

}  // namespace engine::kernels
