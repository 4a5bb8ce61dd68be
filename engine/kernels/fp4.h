#pragma once
// E2M1 and the rounding of indexer queries and keys that the official implementation does in it.
#include <array>
#include <cstdint>

namespace engine::kernels {

// Value of each code: 0, 0.5, 1, 1.5, 2, 3, 4, 6, then the same with a minus.
constexpr std::array<float, 16> kE2m1 = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                         -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

// Nearest, ties to the even code; beyond 6 the largest. Needs a number, not NaN.
uint8_t to_e2m1(float x);

// x[n] in groups of 32, each rounded to e2m1 times a power-of-two scale:
//     S = 2^ceil(log2(max(max|x|, 6 * 2^-126) / 6)),   x := e2m1(clamp(x / S, -6, 6)) * S
// in place. The last group may be shorter.
void round_fp4(float* x, int64_t n);
// S of one group.
float fp4_scale(const float* x, int64_t n);

// The normalised Hadamard transform in Sylvester's order, in place: butterflies over strides 1, 2,
// 4, ..., then times n^-0.5. n is a power of two.
void hadamard(float* x, int64_t n);

}  // namespace engine::kernels
