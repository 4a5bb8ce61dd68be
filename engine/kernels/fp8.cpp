#include "engine/kernels/fp8.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace engine::kernels {
namespace {

constexpr float kLargest = 448;
constexpr float kFloor = 1e-4f;  // of a group's largest magnitude

constexpr float e4m3_value(uint32_t code) {
    const uint32_t exponent = code >> 3 & 15u;
    const uint32_t mantissa = code & 7u;
    if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
    float value = static_cast<float>(exponent == 0 ? mantissa : 8 + mantissa) / 512;
    for (uint32_t i = 1; i < exponent; ++i) value *= 2;
    return code >> 7 != 0 ? -value : value;
}

constexpr std::array<float, 256> e4m3_values() {
    std::array<float, 256> values{};
    for (uint32_t code = 0; code < 256; ++code) values[code] = e4m3_value(code);
    return values;
}

}  // namespace

constexpr std::array<float, 256> kE4m3 = e4m3_values();

uint8_t to_e4m3(float x) {
    const auto sign = static_cast<uint8_t>(std::bit_cast<uint32_t>(x) >> 24 & 0x80u);
    if (std::isnan(x)) return sign | 0x7f;
    const float magnitude = std::min(std::fabs(x), kLargest);
    // Below 2^-6 codes are multiples of 2^-9, and the eighth is the first normal one.
    if (magnitude < 0x1p-6f) {
        return static_cast<uint8_t>(sign | std::lrint(magnitude * 512));
    }
    auto bits = std::bit_cast<uint32_t>(magnitude);
    bits += 0x7ffffu + (bits >> 20 & 1u);
    return static_cast<uint8_t>(sign | ((bits >> 20) - (120u << 3)));
}

float from_ue8m0(uint8_t bits) {
    if (bits == 255) return std::numeric_limits<float>::quiet_NaN();
    return std::bit_cast<float>(bits == 0 ? 0x00400000u : static_cast<uint32_t>(bits) << 23);
}

float power_of_two_scale(float x, float one_over_largest) {
    const auto bits = std::bit_cast<uint32_t>(x * one_over_largest);
    const uint32_t exponent = (bits >> 23) + ((bits & 0x7fffffu) != 0 ? 1 : 0);
    return std::bit_cast<float>(exponent << 23);
}

float fp8_scale(const float* x, int64_t n) {
    float largest = kFloor;
    for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
    return power_of_two_scale(largest, 1 / kLargest);
}

void round_fp8(float* x, int64_t n, int64_t group) {
    for (int64_t begin = 0; begin < n; begin += group) {
        const int64_t end = std::min(begin + group, n);
        const float scale = fp8_scale(x + begin, end - begin);
        for (int64_t i = begin; i < end; ++i) x[i] = kE4m3[to_e4m3(x[i] / scale)] * scale;
    }
}

}  // namespace engine::kernels
