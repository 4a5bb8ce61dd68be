// AVX-512. Nothing of the standard library in here: an inline function compiled with these flags
// could be the copy that the linker keeps for everybody.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/ops_tables.h"
#include "engine/kernels/panel_ops.h"

namespace engine::kernels {
namespace {

// A dot product is four vector sums, 64 numbers a step; what is left goes to the first sum, 16 at a
// time. kTile dot products share each load of the row.
constexpr int kTile = 6;
constexpr int64_t kRowBlockBytes = 32 * 1024;  // rows that stay near while tokens pass by

inline __m512 load16(const float* p) {
    return _mm512_loadu_ps(p);
}
inline __m512 load16(const uint16_t* p) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

inline __mmask16 tail_mask(int64_t n) {
    return static_cast<__mmask16>((1u << n) - 1u);
}
// n < 16 numbers, zeros behind them.
inline __m512 load_tail(const float* p, int64_t n) {
    return _mm512_maskz_loadu_ps(tail_mask(n), p);
}
inline __m512 load_tail(const uint16_t* p, int64_t n) {
    const __m256i half = _mm256_maskz_loadu_epi16(tail_mask(n), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

template <int kN, class T>
inline void dot_tile(const T* row, int64_t width, const float* const* x, float* result) {
    __m512 sums[kN][4];
#pragma GCC unroll 8
    for (int j = 0; j < kN; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) sums[j][v] = _mm512_setzero_ps();
    }
    int64_t c = 0;
    for (; c + 64 <= width; c += 64) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            const __m512 w = load16(row + c + 16 * v);
#pragma GCC unroll 8
            for (int j = 0; j < kN; ++j) {
                sums[j][v] = _mm512_fmadd_ps(w, load16(x[j] + c + 16 * v), sums[j][v]);
            }
        }
    }
    for (; c + 16 <= width; c += 16) {
        const __m512 w = load16(row + c);
#pragma GCC unroll 8
        for (int j = 0; j < kN; ++j) sums[j][0] = _mm512_fmadd_ps(w, load16(x[j] + c), sums[j][0]);
    }
    if (c < width) {
        const __m512 w = load_tail(row + c, width - c);
#pragma GCC unroll 8
        for (int j = 0; j < kN; ++j) {
            sums[j][0] = _mm512_fmadd_ps(w, load_tail(x[j] + c, width - c), sums[j][0]);
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < kN; ++j) {
        result[j] = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[j][0], sums[j][1]),
                                                       _mm512_add_ps(sums[j][2], sums[j][3])));
    }
}

template <class T>
inline void dot_tile_of(int64_t n, const T* row, int64_t width, const float* const* x,
                        float* result) {
    switch (n) {
        case 1:
            return dot_tile<1>(row, width, x, result);
        case 2:
            return dot_tile<2>(row, width, x, result);
        case 3:
            return dot_tile<3>(row, width, x, result);
        case 4:
            return dot_tile<4>(row, width, x, result);
        case 5:
            return dot_tile<5>(row, width, x, result);
        default:
            return dot_tile<6>(row, width, x, result);
    }
}

inline int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

inline int64_t rows_of_block(int64_t row_bytes) {
    const int64_t n = kRowBlockBytes / row_bytes;
    return n < 1 ? 1 : n;
}

template <class T>
void dots(const T* rows, int64_t n_rows, int64_t width, const float* const* x, int64_t n_x,
          float* const* out) {
    const int64_t block = rows_of_block(width * static_cast<int64_t>(sizeof(T)));
    for (int64_t begin = 0; begin < n_rows; begin += block) {
        const int64_t end = smaller(begin + block, n_rows);
        for (int64_t j = 0; j < n_x; j += kTile) {
            const int64_t n = smaller(kTile, n_x - j);
            for (int64_t i = begin; i < end; ++i) {
                float result[kTile];
                dot_tile_of(n, rows + i * width, width, x + j, result);
                for (int64_t k = 0; k < n; ++k) out[j + k][i] = result[k];
            }
        }
    }
}

void dots_scattered(const float* const* rows, int64_t n_rows, int64_t width, const float* x,
                    int64_t x_stride, int64_t n_x, float* out, int64_t out_stride) {
    const int64_t block = rows_of_block(width * static_cast<int64_t>(sizeof(float)));
    for (int64_t begin = 0; begin < n_rows; begin += block) {
        const int64_t end = smaller(begin + block, n_rows);
        for (int64_t j = 0; j < n_x; j += kTile) {
            const int64_t n = smaller(kTile, n_x - j);
            const float* tile[kTile];
            for (int64_t k = 0; k < kTile; ++k) tile[k] = x + (j + smaller(k, n - 1)) * x_stride;
            for (int64_t i = begin; i < end; ++i) {
                float result[kTile];
                dot_tile_of(n, rows[i], width, tile, result);
                for (int64_t k = 0; k < n; ++k) out[(j + k) * out_stride + i] = result[k];
            }
        }
    }
}

// Columns [c, c + 16 * kVectors) of kN sums; each element is one chain of multiply-adds in the
// order of i. The mask cuts the last columns, where kVectors is 1.
template <int kN, int kVectors>
inline void sum_columns(const float* const* rows, int64_t n_rows, int64_t c, __mmask16 mask,
                        const float* weights, int64_t weights_stride, float* out,
                        int64_t out_stride) {
    __m512 sums[kN][kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kN; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[j][v] = _mm512_setzero_ps();
    }
    for (int64_t i = 0; i < n_rows; ++i) {
        const float* row = rows[i] + c;
        __m512 weight[kN];
#pragma GCC unroll 8
        for (int j = 0; j < kN; ++j) weight[j] = _mm512_set1_ps(weights[j * weights_stride + i]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const __m512 r =
                kVectors == 1 ? _mm512_maskz_loadu_ps(mask, row) : load16(row + 16 * v);
#pragma GCC unroll 8
            for (int j = 0; j < kN; ++j) sums[j][v] = _mm512_fmadd_ps(weight[j], r, sums[j][v]);
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < kN; ++j) {
        float* to = out + j * out_stride + c;
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            if constexpr (kVectors == 1) {
                _mm512_mask_storeu_ps(to, mask, sums[j][v]);
            } else {
                _mm512_storeu_ps(to + 16 * v, sums[j][v]);
            }
        }
    }
}

template <int kN>
void weighted_sums_of(const float* const* rows, int64_t n_rows, int64_t width, const float* weights,
                      int64_t weights_stride, float* out, int64_t out_stride) {
    int64_t c = 0;
    for (; c + 64 <= width; c += 64) {
        sum_columns<kN, 4>(rows, n_rows, c, 0xffff, weights, weights_stride, out, out_stride);
    }
    for (; c < width; c += 16) {
        const __mmask16 mask = tail_mask(smaller(16, width - c));
        sum_columns<kN, 1>(rows, n_rows, c, mask, weights, weights_stride, out, out_stride);
    }
}

void weighted_sums(const float* const* rows, int64_t n_rows, int64_t width, const float* weights,
                   int64_t weights_stride, int64_t n_out, float* out, int64_t out_stride) {
    for (int64_t j = 0; j < n_out;) {
        const float* w = weights + j * weights_stride;
        float* o = out + j * out_stride;
        const int64_t n = n_out - j;
        if (n >= 4) {
            weighted_sums_of<4>(rows, n_rows, width, w, weights_stride, o, out_stride);
            j += 4;
        } else if (n >= 2) {
            weighted_sums_of<2>(rows, n_rows, width, w, weights_stride, o, out_stride);
            j += 2;
        } else {
            weighted_sums_of<1>(rows, n_rows, width, w, weights_stride, o, out_stride);
            j += 1;
        }
    }
}

float sum_of_squares(const float* x, int64_t n) {
    float result;
    dot_tile<1>(x, n, &x, &result);
    return result;
}

}  // namespace

const Ops kOpsAvx512 = {dots<float>,   dots<uint16_t>, dots_scattered,
                        weighted_sums, sum_of_squares, &kPanelOpsAvx512};

}  // namespace engine::kernels
#endif
