#include "engine/kernels/fp4.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/kernels/fp8.h"
#include "engine/kernels/matrix.h"

namespace engine::kernels {
namespace {

constexpr float kLargest = 6;
constexpr float kFloor = 6 * 0x1p-126f;  // of a group's largest magnitude

}  // namespace

uint8_t to_e2m1(float x) {
    // A code is reached above the middle between it and the one below; at the middle, if it is
    // even.
    const float magnitude = std::fabs(x);
    int code = 0;
    for (; code < 7; ++code) {
        const float middle =
            (kE2m1[static_cast<size_t>(code)] + kE2m1[static_cast<size_t>(code) + 1]) / 2;
        if (magnitude < middle || (magnitude == middle && code % 2 == 0)) break;
    }
    return static_cast<uint8_t>(code | (std::signbit(x) ? 8 : 0));
}

float fp4_scale(const float* x, int64_t n) {
    float largest = kFloor;
    for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
    return power_of_two_scale(largest, 1 / kLargest);
}

void round_fp4(float* x, int64_t n) {
    for (int64_t begin = 0; begin < n; begin += kFp4Group) {
        const int64_t end = std::min(begin + kFp4Group, n);
        const float scale = fp4_scale(x + begin, end - begin);
        for (int64_t i = begin; i < end; ++i) x[i] = kE2m1[to_e2m1(x[i] / scale)] * scale;
    }
}

void hadamard(float* x, int64_t n) {
    for (int64_t stride = 1; stride < n; stride *= 2) {
        for (int64_t i = 0; i < n; ++i) {
            if ((i & stride) != 0) continue;
            const float a = x[i];
            const float b = x[i + stride];
            x[i] = a + b;
            x[i + stride] = a - b;
        }
    }
    const float scale = 1 / std::sqrt(static_cast<float>(n));
    for (int64_t i = 0; i < n; ++i) x[i] *= scale;
}

}  // namespace engine::kernels
