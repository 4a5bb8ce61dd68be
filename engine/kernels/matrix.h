#pragma once
// A weight matrix [rows, cols], row-major and contiguous, as it is stored. Borrowed.
#include <cstdint>

#include "engine/kernels/dtype.h"
#include "engine/kernels/panels.h"

namespace engine::kernels {

constexpr int64_t kFp8Block = 128;  // rows and columns of one fp8 scale
constexpr int64_t kFp4Group = 32;   // columns of one fp4 scale

struct Matrix {
    const void* data = nullptr;  // f32, bf16, f16: aligned to its element; blocks: any alignment
    Dtype dtype = Dtype::f32;
    int64_t rows = 0;
    int64_t cols = 0;  // a multiple of the block
    // fp8: float [block rows, ceil(cols / 128)], from the block that holds row 0 on.
    // fp4: ue8m0 byte [rows, ceil(cols / 32)]. Others: null.
    const void* scales = nullptr;
    int64_t row_in_block = 0;  // fp8: row 0's place in its block of 128 rows
    Panels panels{};           // the same numbers for the fast mode, or none; of all rows

    const void* row(int64_t i) const {
        return static_cast<const char*>(data) + i * bytes_of(dtype, cols);
    }
    const float* fp8_scales(int64_t i) const {  // of row i's blocks
        return static_cast<const float*>(scales) +
               (row_in_block + i) / kFp8Block * ((cols + kFp8Block - 1) / kFp8Block);
    }
    const uint8_t* fp4_scales(int64_t i) const {  // of row i's groups
        return static_cast<const uint8_t*>(scales) + i * ((cols + kFp4Group - 1) / kFp4Group);
    }
    Matrix row_range(int64_t begin, int64_t end) const {
        Matrix part{row(begin), dtype, end - begin, cols};
        if (dtype == Dtype::fp4) part.scales = fp4_scales(begin);
        if (dtype == Dtype::fp8) {
            part.scales = fp8_scales(begin);
            part.row_in_block = (row_in_block + begin) % kFp8Block;
        }
        return part;
    }
};

inline float bf16_to_f32(uint16_t bits) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    __builtin_memcpy(&value, &wide, sizeof value);
    return value;
}

}  // namespace engine::kernels
