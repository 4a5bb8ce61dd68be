#include "engine/kernels/row_format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/kernels/half.h"
#include "engine/kernels/matrix.h"

namespace engine::kernels {
namespace {

constexpr uint8_t kNanScale = 255;

int64_t n_groups(int64_t n, int64_t group) {
    return (n + group - 1) / group;
}

int64_t padded(int64_t n, int64_t to) {
    return (n + to - 1) / to * to;
}

void round_bf16(float* x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) x[i] = bf16_to_f32(f32_to_bf16(x[i]));
}

void store_bf16(const float* x, int64_t n, std::byte* to) {
    for (int64_t i = 0; i < n; ++i) {
        const uint16_t bits = f32_to_bf16(x[i]);
        std::memcpy(to + 2 * i, &bits, sizeof bits);
    }
}

bool has_nan(const float* x, int64_t n) {
    return std::any_of(x, x + n, [](float v) { return std::isnan(v); });
}

std::byte ue8m0(float scale, bool broken) {
    const uint32_t bits = std::bit_cast<uint32_t>(scale) >> 23;
    return static_cast<std::byte>(broken ? kNanScale : static_cast<uint8_t>(bits));
}

void store_e4m3(const float* x, int64_t n, std::byte* codes, std::byte* scales) {
    for (int64_t begin = 0; begin < n; begin += kFp8GroupKv) {
        const int64_t end = std::min(begin + kFp8GroupKv, n);
        const float scale = fp8_scale(x + begin, end - begin);
        for (int64_t i = begin; i < end; ++i) codes[i] = std::byte{to_e4m3(x[i] / scale)};
        *scales++ = ue8m0(scale, has_nan(x + begin, end - begin));
    }
}

void store_e2m1(const float* x, int64_t n, std::byte* codes, std::byte* scales) {
    for (int64_t begin = 0; begin < n; begin += kFp4Group) {
        const int64_t end = std::min(begin + kFp4Group, n);
        const float scale = fp4_scale(x + begin, end - begin);
        for (int64_t i = begin; i < end; i += 2) {
            const int low = to_e2m1(x[i] / scale);
            const int high = i + 1 < end ? to_e2m1(x[i + 1] / scale) : 0;
            codes[i / 2] = static_cast<std::byte>(low | high << 4);
        }
        *scales++ = ue8m0(scale, has_nan(x + begin, end - begin));
    }
}

}  // namespace

int64_t RowShape::bytes() const {
    const int64_t n_still = width - n_rot;
    switch (format) {
        case RowFormat::f32:
            return 4 * width;
        case RowFormat::bf16:
            return padded(2 * width, 4);
        case RowFormat::fp8:
            return padded(n_still + 2 * n_rot + n_groups(n_still, kFp8GroupKv), 8);
        case RowFormat::fp4:
            return padded((width + 1) / 2 + n_groups(width, kFp4Group), 4);
    }
    return 0;
}

void round_row(const RowShape& shape, float* row) {
    const int64_t n_still = shape.width - shape.n_rot;
    switch (shape.format) {
        case RowFormat::f32:
            return;
        case RowFormat::bf16:
            return round_bf16(row, shape.width);
        case RowFormat::fp8:
            round_fp8(row, n_still, kFp8GroupKv);
            return round_bf16(row + n_still, shape.n_rot);
        case RowFormat::fp4:
            return round_fp4(row, shape.width);
    }
}

void store_row(const RowShape& shape, const float* row, std::byte* to) {
    const int64_t n_still = shape.width - shape.n_rot;
    switch (shape.format) {
        case RowFormat::f32:
            std::memcpy(to, row, static_cast<size_t>(shape.width) * sizeof(float));
            return;
        case RowFormat::bf16:
            return store_bf16(row, shape.width, to);
        case RowFormat::fp8:
            store_e4m3(row, n_still, to, to + n_still + 2 * shape.n_rot);
            return store_bf16(row + n_still, shape.n_rot, to + n_still);
        case RowFormat::fp4:
            return store_e2m1(row, shape.width, to, to + (shape.width + 1) / 2);
    }
}

void expand_row(const RowOps& ops, const RowShape& shape, const std::byte* from, float* row) {
    const int64_t n_still = shape.width - shape.n_rot;
    switch (shape.format) {
        case RowFormat::f32:
            std::memcpy(row, from, static_cast<size_t>(shape.width) * sizeof(float));
            return;
        case RowFormat::bf16:
            return ops.expand_bf16(from, shape.width, row);
        case RowFormat::fp8:
            ops.expand_e4m3(from, from + n_still + 2 * shape.n_rot, n_still, row);
            return ops.expand_bf16(from + n_still, shape.n_rot, row + n_still);
        case RowFormat::fp4:
            return ops.expand_e2m1(from, from + (shape.width + 1) / 2, shape.width, row);
    }
}

namespace {

void expand_bf16(const std::byte* from, int64_t n, float* to) {
    for (int64_t i = 0; i < n; ++i) {
        uint16_t bits;
        std::memcpy(&bits, from + 2 * i, sizeof bits);
        to[i] = bf16_to_f32(bits);
    }
}

float scale_at(const std::byte* scales, int64_t group) {
    return from_ue8m0(std::to_integer<uint8_t>(scales[group]));
}

void expand_e4m3(const std::byte* codes, const std::byte* scales, int64_t n, float* to) {
    for (int64_t i = 0; i < n; ++i) {
        to[i] = kE4m3[std::to_integer<size_t>(codes[i])] * scale_at(scales, i / kFp8GroupKv);
    }
}

void expand_e2m1(const std::byte* codes, const std::byte* scales, int64_t n, float* to) {
    for (int64_t i = 0; i < n; ++i) {
        const auto pair = std::to_integer<size_t>(codes[i / 2]);
        to[i] = kE2m1[i % 2 == 0 ? pair & 15 : pair >> 4] * scale_at(scales, i / kFp4Group);
    }
}

}  // namespace

const RowOps kRowOpsPortable = {expand_bf16, expand_e4m3, expand_e2m1};

}  // namespace engine::kernels
