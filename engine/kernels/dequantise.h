#pragma once
// The numbers of a stored matrix: what "exact" means by them. Each format's formula is evaluated in
// f32 in the order written here; fp8, fp4, mxfp4, q8_0 and the float types lose nothing.
//     fp8      e4m3 * scale of its block of 128 x 128
//     fp4      e2m1 * 2^(ue8m0 - 127) of its group of 32
//     q8_0     d * q                          d f16, q int8, 32 a block
//     q4_k     (d * s) * q - (dmin * m)       q 0..15; s, m 6 bits for each 32; 256 a block
//     q2_k     (d * s) * q - (dmin * m)       q 0..3; s, m 4 bits for each 16; 256 a block
//     iq2_xxs  d * (0.5 + s) * 0.25 * grid    grid of 8 numbers by index, signs beside it
//     mxfp4    as fp4, its scale in the block
#include <cstdint>

#include "engine/kernels/matrix.h"

namespace engine::kernels {

constexpr int64_t kDequantiseStep = 256;  // a multiple of every block

// Writes numbers [begin, end) of row i to out. begin and end are multiples of kDequantiseStep, or
// end is w.cols. On the calling thread.
void dequantise(const Matrix& w, int64_t i, int64_t begin, int64_t end, float* out);

}  // namespace engine::kernels
