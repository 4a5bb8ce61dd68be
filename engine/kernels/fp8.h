#pragma once
// E4M3 (the "fn" kind: bias 7, largest 448, no infinity) and UE8M0 scales, and the rounding of
// activations and KV rows that the official implementation does in them.
#include <array>
#include <cstdint>

namespace engine::kernels {

extern const std::array<float, 256> kE4m3;  // value of each code; 0x7f and 0xff are NaN

// Nearest, ties to even; beyond 448 the largest. NaN stays NaN.
uint8_t to_e4m3(float x);

// 2^(bits - 127); 255 is NaN.
float from_ue8m0(uint8_t bits);

// The least power of two that is not below x * (1 / largest), x > 0: read off the product's bits.
float power_of_two_scale(float x, float one_over_largest);

// x[n] in groups of `group`, each rounded to e4m3 times a power-of-two scale:
//     S = 2^ceil(log2(max(max|x|, 1e-4) / 448)),   x := e4m3(clamp(x / S, -448, 448)) * S
// in place. The last group may be shorter.
void round_fp8(float* x, int64_t n, int64_t group);
// S of one group.
float fp8_scale(const float* x, int64_t n);

constexpr int64_t kFp8GroupKv = 64;           // of a KV row
constexpr int64_t kFp8GroupActivation = 128;  // of a linear map's input

}  // namespace engine::kernels
