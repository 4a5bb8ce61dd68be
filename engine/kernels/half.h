#pragma once
// IEEE half precision and bf16: conversions are to nearest, ties to even.
#include <bit>
#include <cmath>
#include <cstdint>

namespace engine::kernels {

inline float f16_to_f32(uint16_t bits) {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
    const uint32_t exponent = bits >> 10 & 31u;
    const uint32_t mantissa = bits & 1023u;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
    if (exponent == 0) {
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

// Beyond the largest number, infinity.
inline uint16_t f32_to_f16(float value) {
    const auto sign = static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16 & 0x8000u);
    if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7e00u);
    const float magnitude = std::fabs(value);
    if (magnitude >= 65520.0f) return static_cast<uint16_t>(sign | 0x7c00u);
    if (magnitude < 0x1p-14f) {  // multiples of 2^-24, and the 1024th is the first normal number
        return static_cast<uint16_t>(sign | std::lrint(magnitude * 0x1p24f));
    }
    auto bits = std::bit_cast<uint32_t>(magnitude);
    bits += 0xfffu + (bits >> 13 & 1u);
    return static_cast<uint16_t>(sign | ((bits >> 13) - (112u << 10)));
}

inline uint16_t f32_to_bf16(float value) {  // NaN stays NaN
    const auto bits = std::bit_cast<uint32_t>(value);
    if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace engine::kernels
