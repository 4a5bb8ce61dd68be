// AVX-512. Nothing of the standard library in here: an inline function compiled with these flags
// could be the copy that the linker keeps for everybody.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/dot_blocks.h"
#include "engine/kernels/index_panel.h"
#include "engine/kernels/ops_tables.h"
#include "engine/kernels/panel_ops.h"
#include "engine/kernels/row_format.h"

namespace engine::kernels {
namespace {

// A dot product is four vector sums, 64 numbers a step; what is left goes to the first sum, 16 at a
// time.

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

struct Avx512 {
    static constexpr int kTile = 6;
    // Rows that stay near while tokens pass by.
    static constexpr int64_t kRowBlockBytes = 32 * 1024;

    template <class T>
    static void dot_tile(int64_t n, const T* row, int64_t width, const float* const* x,
                         float* result) {
        switch (n) {
            case 1:
                return kernels::dot_tile<1>(row, width, x, result);
            case 2:
                return kernels::dot_tile<2>(row, width, x, result);
            case 3:
                return kernels::dot_tile<3>(row, width, x, result);
            case 4:
                return kernels::dot_tile<4>(row, width, x, result);
            case 5:
                return kernels::dot_tile<5>(row, width, x, result);
            default:
                return kernels::dot_tile<6>(row, width, x, result);
        }
    }
};

// Columns [c, c + 16 * kVectors) of kN sums; each element is one chain of multiply-adds in the
// order of i. The mask cuts the last columns, where kVectors is 1.
template <int kN, int kVectors>
inline void sum_columns(Sums start, const float* const* rows, int64_t n_rows, int64_t c,
                        __mmask16 mask, const float* weights, int64_t weights_stride, float* out,
                        int64_t out_stride) {
    __m512 sums[kN][kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kN; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const float* from = out + j * out_stride + c;
            if (start == Sums::fresh) {
                sums[j][v] = _mm512_setzero_ps();
            } else if constexpr (kVectors == 1) {
                sums[j][v] = _mm512_maskz_loadu_ps(mask, from);
            } else {
                sums[j][v] = load16(from + 16 * v);
            }
        }
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
void weighted_sums_of(Sums start, const float* const* rows, int64_t n_rows, int64_t width,
                      const float* weights, int64_t weights_stride, float* out,
                      int64_t out_stride) {
    int64_t c = 0;
    for (; c + 64 <= width; c += 64) {
        sum_columns<kN, 4>(start, rows, n_rows, c, 0xffff, weights, weights_stride, out,
                           out_stride);
    }
    for (; c < width; c += 16) {
        const __mmask16 mask = tail_mask(smaller(16, width - c));
        sum_columns<kN, 1>(start, rows, n_rows, c, mask, weights, weights_stride, out, out_stride);
    }
}

void weighted_sums(Sums start, const float* const* rows, int64_t n_rows, int64_t width,
                   const float* weights, int64_t weights_stride, int64_t n_out, float* out,
                   int64_t out_stride) {
    for (int64_t j = 0; j < n_out;) {
        const float* w = weights + j * weights_stride;
        float* o = out + j * out_stride;
        const int64_t n = n_out - j;
        if (n >= 4) {
            weighted_sums_of<4>(start, rows, n_rows, width, w, weights_stride, o, out_stride);
            j += 4;
        } else if (n >= 2) {
            weighted_sums_of<2>(start, rows, n_rows, width, w, weights_stride, o, out_stride);
            j += 2;
        } else {
            weighted_sums_of<1>(start, rows, n_rows, width, w, weights_stride, o, out_stride);
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

const Ops kOpsAvx512 = {dots<Avx512, float>, dots<Avx512, uint16_t>, dots_scattered<Avx512>,
                        weighted_sums,       sum_of_squares,         &kPanelOpsAvx512,
                        &kRowOpsAvx2,        index_scores_avx512,    to_bf16_avx512};

const Ops kOpsAvx512Bf16 = {dots<Avx512, float>, dots<Avx512, uint16_t>,   dots_scattered<Avx512>,
                            weighted_sums,       sum_of_squares,           &kPanelOpsAvx512Bf16,
                            &kRowOpsAvx2,        index_scores_avx512_bf16, to_bf16_avx512_bf16};

}  // namespace engine::kernels
#endif
