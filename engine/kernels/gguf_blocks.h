#pragma once
// GGUF's block formats, one block each: bytes (any alignment) to numbers, and back for Q8_0.
// Formulas in dequantise.h.
#include <cstdint>

namespace engine::kernels {

void read_q8_0(const uint8_t* block, float* out);     // 34 bytes, 32 numbers
void read_q4_k(const uint8_t* block, float* out);     // 144 bytes, 256 numbers
void read_q2_k(const uint8_t* block, float* out);     // 84 bytes, 256 numbers
void read_iq2_xxs(const uint8_t* block, float* out);  // 66 bytes, 256 numbers
void read_mxfp4(const uint8_t* block, float* out);    // 17 bytes, 32 numbers

// The nearest: d = max |x| / 127 as f16, q = x / d. Needs 32 finite numbers.
void write_q8_0(const float* x, uint8_t* block);

struct Q4kScales {
    uint8_t scale, minimum;  // 6 bits each
};
// Of the group-th 32 numbers, from the 12 bytes behind d and dmin.
inline Q4kScales q4_k_scales(const uint8_t* packed, int group) {
    const int g = group & 3;
    if (group < 4) {
        return {static_cast<uint8_t>(packed[g] & 63), static_cast<uint8_t>(packed[g + 4] & 63)};
    }
    return {static_cast<uint8_t>((packed[g + 8] & 15) | (packed[g] >> 6) << 4),
            static_cast<uint8_t>(packed[g + 8] >> 4 | (packed[g + 4] >> 6) << 4)};
}

}  // namespace engine::kernels
