#pragma once
// A weight matrix [rows, cols], row-major and contiguous, in one of the compute types. Borrowed.
#include <cstdint>

#include "engine/kernels/dtype.h"

namespace engine::kernels {

struct Matrix {
    const void* data = nullptr;  // aligned to its element
    Dtype dtype = Dtype::f32;
    int64_t rows = 0;
    int64_t cols = 0;

    const void* row(int64_t i) const {
        return static_cast<const char*>(data) + i * cols * bytes_of(dtype);
    }
    Matrix row_range(int64_t begin, int64_t end) const {
        return {row(begin), dtype, end - begin, cols};
    }
};

inline float bf16_to_f32(uint16_t bits) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    __builtin_memcpy(&value, &wide, sizeof value);
    return value;
}

}  // namespace engine::kernels
