#include "engine/kernels/gguf_blocks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/kernels/half.h"
#include "engine/kernels/iq2_xxs_grid.h"

namespace engine::kernels {
namespace {

float half_at(const uint8_t* bytes) {
    uint16_t bits;
    std::memcpy(&bits, bytes, sizeof bits);
    return f16_to_f32(bits);
}

}  // namespace

void read_q8_0(const uint8_t* block, float* out) {
    const float d = half_at(block);
    for (int i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(static_cast<int8_t>(block[2 + i]));
    }
}

void write_q8_0(const float* x, uint8_t* block) {
    float largest = 0;
    for (int i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[i]));
    const uint16_t bits = f32_to_f16(largest / 127);
    std::memcpy(block, &bits, sizeof bits);
    const float d = f16_to_f32(bits);
    for (int i = 0; i < 32; ++i) {
        const float q = d > 0 ? std::clamp(std::nearbyint(x[i] / d), -127.0f, 127.0f) : 0.0f;
        block[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(q));
    }
}

// 16 bytes hold 32 numbers: those of the low nibbles come first.
void read_mxfp4(const uint8_t* block, float* out) {
    const float scale = from_ue8m0(block[0]);
    for (int i = 0; i < 16; ++i) {
        out[i] = kE2m1[block[1 + i] & 15] * scale;
        out[16 + i] = kE2m1[block[1 + i] >> 4] * scale;
    }
}

// Four times 64 numbers: 32 bytes whose low nibbles are one group of 32, high nibbles the next.
void read_q4_k(const uint8_t* block, float* out) {
    const float d = half_at(block);
    const float d_min = half_at(block + 2);
    for (int group = 0; group < 8; ++group) {
        const Q4kScales s = q4_k_scales(block + 4, group);
        const float scale = d * static_cast<float>(s.scale);
        const float minimum = d_min * static_cast<float>(s.minimum);
        const uint8_t* quants = block + 16 + group / 2 * 32;
        for (int i = 0; i < 32; ++i) {
            const int q = group % 2 == 0 ? quants[i] & 15 : quants[i] >> 4;
            out[group * 32 + i] = scale * static_cast<float>(q) - minimum;
        }
    }
}

// Two times 128 numbers: 32 bytes whose bit pairs, lowest first, are four runs of 32; each 16 have
// a scale and a minimum.
void read_q2_k(const uint8_t* block, float* out) {
    const float d = half_at(block + 80);
    const float d_min = half_at(block + 82);
    for (int group = 0; group < 16; ++group) {
        const float scale = d * static_cast<float>(block[group] & 15);
        const float minimum = d_min * static_cast<float>(block[group] >> 4);
        const uint8_t* quants = block + 16 + group / 8 * 32 + group % 2 * 16;
        const int shift = group % 8 / 2 * 2;
        for (int i = 0; i < 16; ++i) {
            out[group * 16 + i] = scale * static_cast<float>(quants[i] >> shift & 3) - minimum;
        }
    }
}

// Eight times 32 numbers in 8 bytes: four indices of the grid, then 32 bits: 7 sign bits for each
// index, and the scale on top. The eighth sign makes the number of minuses even.
void read_iq2_xxs(const uint8_t* block, float* out) {
    constexpr float kMagnitudes[4] = {8, 25, 43, 0};
    const float d = half_at(block);
    for (int part = 0; part < 8; ++part) {
        const uint8_t* bytes = block + 2 + part * 8;
        uint32_t high;
        std::memcpy(&high, bytes + 4, sizeof high);
        const float scale = d * (0.5f + static_cast<float>(high >> 28)) * 0.25f;
        for (int j = 0; j < 4; ++j) {
            uint32_t signs = high >> (7 * j) & 127u;
            signs |= static_cast<uint32_t>(std::popcount(signs) & 1) << 7;
            const uint32_t point = kIq2XxsGrid[bytes[j]];
            for (int i = 0; i < 8; ++i) {
                const float magnitude = scale * kMagnitudes[point >> (2 * i) & 3u];
                out[part * 32 + j * 8 + i] = (signs >> i & 1u) != 0 ? -magnitude : magnitude;
            }
        }
    }
}

}  // namespace engine::kernels
