#pragma once
// Rows against tiles of vectors, in blocks of rows that stay in a near cache: the loops that every
// instruction set shares. Included by one file per instruction set; all of it has internal linkage,
// so that a copy compiled with one file's flags serves nobody else.
#include <cstdint>

namespace engine::kernels {
namespace {

inline int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

inline int64_t rows_of_block(int64_t block_bytes, int64_t row_bytes) {
    const int64_t n = block_bytes / row_bytes;
    return n < 1 ? 1 : n;
}

// Isa has kTile, the vectors that share each load of a row; kRowBlockBytes; and
// dot_tile(n, row, width, x, result): n <= kTile dot products of one row.
template <class Isa, class T>
void dots(const T* rows, int64_t n_rows, int64_t width, const float* const* x, int64_t n_x,
          float* const* out) {
    const int64_t block =
        rows_of_block(Isa::kRowBlockBytes, width * static_cast<int64_t>(sizeof(T)));
    for (int64_t begin = 0; begin < n_rows; begin += block) {
        const int64_t end = smaller(begin + block, n_rows);
        for (int64_t j = 0; j < n_x; j += Isa::kTile) {
            const int64_t n = smaller(Isa::kTile, n_x - j);
            for (int64_t i = begin; i < end; ++i) {
                float result[Isa::kTile];
                Isa::dot_tile(n, rows + i * width, width, x + j, result);
                for (int64_t k = 0; k < n; ++k) out[j + k][i] = result[k];
            }
        }
    }
}

template <class Isa>
void dots_scattered(const float* const* rows, int64_t n_rows, int64_t width, const float* x,
                    int64_t x_stride, int64_t n_x, float* out, int64_t out_stride) {
    const int64_t block =
        rows_of_block(Isa::kRowBlockBytes, width * static_cast<int64_t>(sizeof(float)));
    for (int64_t begin = 0; begin < n_rows; begin += block) {
        const int64_t end = smaller(begin + block, n_rows);
        for (int64_t j = 0; j < n_x; j += Isa::kTile) {
            const int64_t n = smaller(Isa::kTile, n_x - j);
            const float* tile[Isa::kTile];
            for (int64_t k = 0; k < Isa::kTile; ++k)
                tile[k] = x + (j + smaller(k, n - 1)) * x_stride;
            for (int64_t i = begin; i < end; ++i) {
                float result[Isa::kTile];
                Isa::dot_tile(n, rows[i], width, tile, result);
                for (int64_t k = 0; k < n; ++k) out[(j + k) * out_stride + i] = result[k];
            }
        }
    }
}

}  // namespace
}  // namespace engine::kernels
