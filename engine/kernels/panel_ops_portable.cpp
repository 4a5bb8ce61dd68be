// Plain loops over the sixteen rows of a panel, and the definition in doubles.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/kernels/fp4.h"
#include "engine/kernels/half.h"
#include "engine/kernels/matrix.h"
#include "engine/kernels/panel_ops.h"

namespace engine::kernels {
namespace {

template <class T>
T read(const std::byte* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

// Where step `c / columns of a step` of a panel begins.
const std::byte* step_of_q8(const std::byte* panel, int64_t c) {
    return panel + c / kPanelStepQ8 * kPanelStepBytes;
}
const std::byte* step_of_fp4(const std::byte* panel, int64_t c) {
    return panel + c / kPanelStep * kPanelStepBytes;
}

float scale_q8(const std::byte* panel, int64_t row, int64_t c) {
    const int64_t half = c % kPanelStepQ8 / kPanelBlock;
    return f16_to_f32(read<uint16_t>(step_of_q8(panel, c) + (half * kPanelRows + row) * 2));
}
int weight_q8(const std::byte* panel, int64_t row, int64_t c) {
    const int64_t four = c % kPanelStepQ8 / 4;
    const auto stored = step_of_q8(panel, c)[kPanelScaleBytes + four * 64 + row * 4 + c % 4];
    return std::to_integer<int>(stored) - 128;
}

// The exponent alone, as the kernels read it: 2^-127 counts as zero.
float scale_fp4(const std::byte* panel, int64_t row, int64_t c) {
    const int64_t quarter = c % kPanelStep / kPanelBlock;
    const auto bits = step_of_fp4(panel, c)[quarter * kPanelRows + row];
    return std::bit_cast<float>(std::to_integer<uint32_t>(bits) << 23);
}
int weight_fp4(const std::byte* panel, int64_t row, int64_t c) {  // twice e2m1
    const int64_t quarter = c % kPanelStep / kPanelBlock;
    const int64_t in_block = c % kPanelBlock;
    const auto pair = std::to_integer<int>(step_of_fp4(
        panel, c)[kPanelScaleBytes + quarter * 256 + in_block % 16 / 4 * 64 + row * 4 + c % 4]);
    const int code = in_block < 16 ? pair & 15 : pair >> 4;
    return static_cast<int>(2 * kE2m1[static_cast<size_t>(code)]);
}

float weight_bf16(const std::byte* panel, int64_t row, int64_t c) {
    return bf16_to_f32(read<uint16_t>(panel + c / 2 * 64 + row * 4 + c % 2 * 2));
}

using WeightOf = int (*)(const std::byte*, int64_t, int64_t);
using ScaleOf = float (*)(const std::byte*, int64_t, int64_t);

template <PanelType kType, WeightOf kWeight, ScaleOf kScale>
void multiply_integers(const PanelProduct& in) {
    const int64_t n_blocks = padded_cols(in.cols) / kPanelBlock;
    for (int64_t i = 0; i < in.rows; ++i) {
        const std::byte* panel = in.panels + i / kPanelRows * panel_bytes(kType, in.cols);
        const int64_t row = i % kPanelRows;
        for (int64_t j = 0; j < in.n; ++j) {
            const std::byte* x = in.x[j];
            float acc = 0;
            for (int64_t block = 0; block < n_blocks; ++block) {
                int32_t sum = 0;
                for (int64_t c = block * kPanelBlock; c < (block + 1) * kPanelBlock; ++c) {
                    sum += kWeight(panel, row, c) * std::to_integer<int8_t>(x[c]);
                }
                const auto scale = read<float>(x + QuantisedRow::scales_at(in.cols) + block * 4);
                acc += static_cast<float>(sum) * (kScale(panel, row, block * kPanelBlock) * scale);
            }
            in.y[j][i] = acc * in.unit;
        }
    }
}

void multiply_bf16(const PanelProduct& in) {
    const int64_t n = padded_cols(in.cols);
    for (int64_t i = 0; i < in.rows; ++i) {
        const std::byte* panel = in.panels + i / kPanelRows * panel_bytes(PanelType::bf16, in.cols);
        for (int64_t j = 0; j < in.n; ++j) {
            float chains[2] = {};
            for (int64_t c = 0; c < n; ++c) {
                chains[c / 2 % 2] += weight_bf16(panel, i % kPanelRows, c) *
                                     bf16_to_f32(read<uint16_t>(in.x[j] + c * 2));
            }
            in.y[j][i] = (chains[0] + chains[1]) * in.unit;
        }
    }
}

void quantise(const float* x, int64_t cols, std::byte* row) {
    auto* scales = reinterpret_cast<float*>(row + QuantisedRow::scales_at(cols));
    auto* starts_q8 = reinterpret_cast<int32_t*>(row + QuantisedRow::starts_q8_at(cols));
    auto* starts_fp4 = reinterpret_cast<int32_t*>(row + QuantisedRow::starts_fp4_at(cols));
    const int64_t n = padded_cols(cols);
    for (int64_t begin = 0; begin < n; begin += kPanelBlock) {
        const int64_t end = std::min(begin + kPanelBlock, cols);
        float largest = 0;
        for (int64_t c = begin; c < end; ++c) largest = std::max(largest, std::fabs(x[c]));
        const float reciprocal = largest > 0 ? 127.0f / largest : 0.0f;
        int32_t sum = 0;
        for (int64_t c = begin; c < begin + kPanelBlock; ++c) {
            const float scaled = c < end ? x[c] * reciprocal : 0.0f;
            const int32_t q =
                std::isnan(scaled)
                    ? -127
                    : static_cast<int32_t>(std::lrint(std::clamp(scaled, -127.0f, 127.0f)));
            row[c] = static_cast<std::byte>(q & 255);
            sum += q;
        }
        scales[begin / kPanelBlock] = largest * (1.0f / 127.0f);
        starts_q8[begin / kPanelBlock] = -128 * sum;
        starts_fp4[begin / kPanelBlock] = -12 * sum;
    }
}

void round(const float* x, int64_t cols, std::byte* row) {
    for (int64_t c = 0; c < padded_cols(cols); ++c) {
        const uint16_t bits = c < cols ? f32_to_bf16(x[c]) : uint16_t{0};
        std::memcpy(row + c * 2, &bits, sizeof bits);
    }
}

}  // namespace

const PanelOps kPanelOpsPortable = {multiply_integers<PanelType::q8, weight_q8, scale_q8>,
                                    multiply_integers<PanelType::fp4, weight_fp4, scale_fp4>,
                                    multiply_bf16, quantise, round};

namespace ref {

double panel_weight(PanelType type, const PanelProduct& in, int64_t row, int64_t col) {
    const std::byte* panel = in.panels + row / kPanelRows * panel_bytes(type, in.cols);
    const int64_t r = row % kPanelRows;
    double value = 0;
    switch (type) {
        case PanelType::q8:
            value = static_cast<double>(scale_q8(panel, r, col)) * weight_q8(panel, r, col);
            break;
        case PanelType::fp4:
            value = static_cast<double>(scale_fp4(panel, r, col)) * weight_fp4(panel, r, col);
            break;
        case PanelType::bf16:
            value = static_cast<double>(weight_bf16(panel, r, col));
            break;
        case PanelType::none:
            break;
    }
    return value * static_cast<double>(in.unit);
}

double activation(PanelType type, const std::byte* x, int64_t cols, int64_t col) {
    if (type == PanelType::bf16) {
        return static_cast<double>(bf16_to_f32(read<uint16_t>(x + col * 2)));
    }
    const auto scale = read<float>(x + QuantisedRow::scales_at(cols) + col / kPanelBlock * 4);
    return static_cast<double>(scale) * std::to_integer<int8_t>(x[col]);
}

void multiply(PanelType type, const PanelProduct& in) {
    for (int64_t i = 0; i < in.rows; ++i) {
        for (int64_t j = 0; j < in.n; ++j) {
            double sum = 0;
            for (int64_t c = 0; c < in.cols; ++c) {
                sum += panel_weight(type, in, i, c) * activation(type, in.x[j], in.cols, c);
            }
            in.y[j][i] = static_cast<float>(sum);
        }
    }
}

}  // namespace ref
}  // namespace engine::kernels
