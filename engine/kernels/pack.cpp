#include "engine/kernels/pack.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/kernels/dequantise.h"
#include "engine/kernels/half.h"

namespace engine::kernels {
namespace {

constexpr float kScaleTarget = 1;  // what the largest q8 scale of a matrix lies below

void put(std::byte* to, uint16_t value) {
    std::memcpy(to, &value, sizeof value);
}

// Row r of a q8 panel: block `b` of 32.
void put_q8(std::byte* panel, int64_t r, int64_t b, uint16_t scale, const int8_t* q) {
    std::byte* step = panel + b / 2 * kPanelStepBytes;
    put(step + (b % 2 * kPanelRows + r) * 2, scale);
    std::byte* weights = step + kPanelScaleBytes + b % 2 * 512 + r * 4;
    for (int64_t c = 0; c < kPanelBlock; ++c) {
        weights[c / 4 * 64 + c % 4] = static_cast<std::byte>(q[c] + 128);
    }
}

// Row r of an fp4 panel: 32 codes of block `b`.
void put_fp4(std::byte* panel, int64_t r, int64_t b, uint8_t scale, const uint8_t* codes) {
    std::byte* step = panel + b / 4 * kPanelStepBytes;
    step[b % 4 * kPanelRows + r] = static_cast<std::byte>(scale);
    std::byte* weights = step + kPanelScaleBytes + b % 4 * 256 + r * 4;
    for (int64_t c = 0; c < 16; ++c) {
        weights[c / 4 * 64 + c % 4] = static_cast<std::byte>(codes[c] | codes[16 + c] << 4);
    }
}

float largest_of(const float* x, int64_t n) {
    float largest = 0;
    for (int64_t c = 0; c < n; ++c) largest = std::max(largest, std::fabs(x[c]));
    return largest;
}

// 32 numbers to a scale and int8.
uint16_t quantise_block(const float* x, float unit, int8_t* q) {
    const float largest = largest_of(x, kPanelBlock);
    const uint16_t scale = f32_to_f16(largest / 127 / unit);
    const float step = f16_to_f32(scale) * unit;
    const float reciprocal = step > 0 ? 1 / step : 0;
    for (int64_t c = 0; c < kPanelBlock; ++c) {
        const float scaled = std::clamp(x[c] * reciprocal, -127.0f, 127.0f);
        q[c] = static_cast<int8_t>(std::lrint(scaled));
    }
    return scale;
}

void pack_row_q8_0(const Matrix& from, int64_t i, std::byte* panel, int64_t r) {
    const auto* block = static_cast<const uint8_t*>(from.row(i));
    for (int64_t b = 0; b < from.cols / kPanelBlock; ++b, block += 34) {
        uint16_t scale;
        std::memcpy(&scale, block, sizeof scale);
        put_q8(panel, r, b, scale, reinterpret_cast<const int8_t*>(block + 2));
    }
}

void pack_row_q8(const Matrix& from, int64_t i, float unit, std::byte* panel, int64_t r) {
    float numbers[kDequantiseStep];
    int8_t q[kPanelBlock];
    for (int64_t begin = 0; begin < from.cols; begin += kDequantiseStep) {
        const int64_t end = std::min(begin + kDequantiseStep, from.cols);
        std::fill_n(numbers, kDequantiseStep, 0.0f);
        dequantise(from, i, begin, end, numbers);
        for (int64_t c = begin; c < end; c += kPanelBlock) {
            const uint16_t scale = quantise_block(numbers + (c - begin), unit, q);
            put_q8(panel, r, c / kPanelBlock, scale, q);
        }
    }
}

void pack_row_fp4(const Matrix& from, int64_t i, std::byte* panel, int64_t r) {
    const auto* row = static_cast<const uint8_t*>(from.row(i));
    const bool in_blocks = from.dtype == Dtype::mxfp4;
    for (int64_t b = 0; b < (from.cols + kPanelBlock - 1) / kPanelBlock; ++b) {
        uint8_t codes[kPanelBlock] = {};
        const int64_t n = std::min(kPanelBlock, from.cols - b * kPanelBlock);
        const uint8_t* bytes = in_blocks ? row + b * 17 + 1 : row + b * 16;
        for (int64_t c = 0; c < n; ++c) {
            // mxfp4: low nibbles are the first half; fp4: neighbours share a byte.
            const uint8_t byte = in_blocks ? bytes[c % 16] : bytes[c / 2];
            const bool high = in_blocks ? c >= 16 : c % 2 == 1;
            codes[c] = static_cast<uint8_t>(high ? byte >> 4 : byte & 15);
        }
        put_fp4(panel, r, b, in_blocks ? row[b * 17] : from.fp4_scales(i)[b], codes);
    }
}

void pack_row_bf16(const Matrix& from, int64_t i, std::byte* panel, int64_t r) {
    float numbers[kDequantiseStep];
    for (int64_t begin = 0; begin < from.cols; begin += kDequantiseStep) {
        const int64_t end = std::min(begin + kDequantiseStep, from.cols);
        dequantise(from, i, begin, end, numbers);
        for (int64_t c = begin; c < end; ++c) {
            put(panel + c / 2 * 64 + r * 4 + c % 2 * 2, f32_to_bf16(numbers[c - begin]));
        }
    }
}

void pack_row(const Matrix& from, PanelType type, float unit, int64_t i, std::byte* panel) {
    const int64_t r = i % kPanelRows;
    switch (type) {
        case PanelType::q8:
            return from.dtype == Dtype::q8_0 ? pack_row_q8_0(from, i, panel, r)
                                             : pack_row_q8(from, i, unit, panel, r);
        case PanelType::fp4:
            return pack_row_fp4(from, i, panel, r);
        case PanelType::bf16:
            return pack_row_bf16(from, i, panel, r);
        case PanelType::none:
            return;
    }
}

}  // namespace

PanelType panel_type(Dtype dtype) {
    switch (dtype) {
        case Dtype::f32:
        case Dtype::bf16:
        case Dtype::f16:
            return PanelType::bf16;
        case Dtype::fp8:
        case Dtype::q8_0:
        case Dtype::q4_k:
            return PanelType::q8;
        case Dtype::fp4:
        case Dtype::mxfp4:
            return PanelType::fp4;
        case Dtype::q2_k:
        case Dtype::iq2_xxs:
            return PanelType::none;
    }
    return PanelType::none;
}

float panel_unit(const Matrix& from, PanelType type) {
    if (type == PanelType::fp4) return 0.5f;  // its integers are twice e2m1
    if (type != PanelType::q8 || from.dtype == Dtype::q8_0) return 1;
    float largest = 0;
    float numbers[kDequantiseStep];
    for (int64_t i = 0; i < from.rows; ++i) {
        for (int64_t begin = 0; begin < from.cols; begin += kDequantiseStep) {
            const int64_t end = std::min(begin + kDequantiseStep, from.cols);
            dequantise(from, i, begin, end, numbers);
            largest = std::max(largest, largest_of(numbers, end - begin));
        }
    }
    if (!(largest > 0) || !std::isfinite(largest)) return 1;
    return std::ldexp(kScaleTarget, std::ilogb(largest / 127) + 1);
}

void pack(const Matrix& from, PanelType type, float unit, int64_t begin, int64_t end,
          std::byte* to) {
    const int64_t bytes = panel_bytes(type, from.cols);
    for (int64_t p = begin; p < end; ++p) {
        std::byte* panel = to + p * bytes;
        std::memset(panel, 0, static_cast<size_t>(bytes));
        const int64_t last = std::min((p + 1) * kPanelRows, from.rows);
        for (int64_t i = p * kPanelRows; i < last; ++i) pack_row(from, type, unit, i, panel);
    }
}

}  // namespace engine::kernels
