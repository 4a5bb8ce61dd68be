// AVX2 and FMA. Nothing of the standard library in here: an inline function compiled with these
// flags could be the copy that the linker keeps for everybody.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/dot_blocks.h"
#include "engine/kernels/ops_tables.h"
#include "engine/kernels/panel_ops.h"
#include "engine/kernels/row_format.h"

namespace engine::kernels {
namespace {

// A dot product is four vector sums, 32 numbers a step; what is left goes to the first sum, 8 at a
// time.

inline __m256 load8(const float* p) {
    return _mm256_loadu_ps(p);
}
inline __m256 load8(const uint16_t* p) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

inline __m256i tail_mask(int64_t n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}
// n < 8 numbers, zeros behind them.
inline __m256 load_tail(const float* p, int64_t n) {
    return _mm256_maskload_ps(p, tail_mask(n));
}
inline __m256 load_tail(const uint16_t* p, int64_t n) {
    uint16_t padded[8] = {};
    for (int64_t i = 0; i < n; ++i) padded[i] = p[i];
    return load8(padded);
}

inline float add_lanes(__m256 v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

template <int kN, class T>
inline void dot_tile(const T* row, int64_t width, const float* const* x, float* result) {
    __m256 sums[kN][4];
    for (int j = 0; j < kN; ++j) {
        for (int v = 0; v < 4; ++v) sums[j][v] = _mm256_setzero_ps();
    }
    int64_t c = 0;
    for (; c + 32 <= width; c += 32) {
        for (int v = 0; v < 4; ++v) {
            const __m256 w = load8(row + c + 8 * v);
            for (int j = 0; j < kN; ++j) {
                sums[j][v] = _mm256_fmadd_ps(w, load8(x[j] + c + 8 * v), sums[j][v]);
            }
        }
    }
    for (; c + 8 <= width; c += 8) {
        const __m256 w = load8(row + c);
        for (int j = 0; j < kN; ++j) sums[j][0] = _mm256_fmadd_ps(w, load8(x[j] + c), sums[j][0]);
    }
    if (c < width) {
        const __m256 w = load_tail(row + c, width - c);
        for (int j = 0; j < kN; ++j) {
            sums[j][0] = _mm256_fmadd_ps(w, load_tail(x[j] + c, width - c), sums[j][0]);
        }
    }
    for (int j = 0; j < kN; ++j) {
        result[j] = add_lanes(_mm256_add_ps(_mm256_add_ps(sums[j][0], sums[j][1]),
                                            _mm256_add_ps(sums[j][2], sums[j][3])));
    }
}

struct Avx2 {
    static constexpr int kTile = 3;
    // Rows that stay in L1 while tokens pass by.
    static constexpr int64_t kRowBlockBytes = 16 * 1024;

    template <class T>
    static void dot_tile(int64_t n, const T* row, int64_t width, const float* const* x,
                         float* result) {
        if (n >= 3) {
            kernels::dot_tile<3>(row, width, x, result);
        } else if (n == 2) {
            kernels::dot_tile<2>(row, width, x, result);
        } else {
            kernels::dot_tile<1>(row, width, x, result);
        }
    }
};

// Columns [c, c + 8 * kVectors) of kN sums; each element is one chain of multiply-adds in the order
// of i.
template <int kN, int kVectors>
inline void sum_columns(Sums start, const float* const* rows, int64_t n_rows, int64_t c,
                        const float* weights, int64_t weights_stride, float* out,
                        int64_t out_stride) {
    __m256 sums[kN][kVectors];
    for (int j = 0; j < kN; ++j) {
        for (int v = 0; v < kVectors; ++v) {
            sums[j][v] = start == Sums::fresh ? _mm256_setzero_ps()
                                              : load8(out + j * out_stride + c + 8 * v);
        }
    }
    for (int64_t i = 0; i < n_rows; ++i) {
        const float* row = rows[i] + c;
        __m256 weight[kN];
        for (int j = 0; j < kN; ++j)
            weight[j] = _mm256_broadcast_ss(weights + j * weights_stride + i);
        for (int v = 0; v < kVectors; ++v) {
            const __m256 r = load8(row + 8 * v);
            for (int j = 0; j < kN; ++j) sums[j][v] = _mm256_fmadd_ps(weight[j], r, sums[j][v]);
        }
    }
    for (int j = 0; j < kN; ++j) {
        for (int v = 0; v < kVectors; ++v) {
            _mm256_storeu_ps(out + j * out_stride + c + 8 * v, sums[j][v]);
        }
    }
}

// The last n < 8 columns from c on, of one sum.
inline void sum_tail(Sums start, const float* const* rows, int64_t n_rows, int64_t c, int64_t n,
                     const float* weights, float* out) {
    __m256 sum = start == Sums::fresh ? _mm256_setzero_ps() : load_tail(out + c, n);
    for (int64_t i = 0; i < n_rows; ++i) {
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(weights + i), load_tail(rows[i] + c, n), sum);
    }
    _mm256_maskstore_ps(out + c, tail_mask(n), sum);
}

template <int kN>
void weighted_sums_of(Sums start, const float* const* rows, int64_t n_rows, int64_t width,
                      const float* weights, int64_t weights_stride, float* out,
                      int64_t out_stride) {
    int64_t c = 0;
    for (; c + 32 <= width; c += 32) {
        sum_columns<kN, 4>(start, rows, n_rows, c, weights, weights_stride, out, out_stride);
    }
    for (; c + 8 <= width; c += 8) {
        sum_columns<kN, 1>(start, rows, n_rows, c, weights, weights_stride, out, out_stride);
    }
    if (c == width) return;
    for (int j = 0; j < kN; ++j) {
        sum_tail(start, rows, n_rows, c, width - c, weights + j * weights_stride,
                 out + j * out_stride);
    }
}

void weighted_sums(Sums start, const float* const* rows, int64_t n_rows, int64_t width,
                   const float* weights, int64_t weights_stride, int64_t n_out, float* out,
                   int64_t out_stride) {
    for (int64_t j = 0; j < n_out; j += Avx2::kTile) {
        const float* w = weights + j * weights_stride;
        float* o = out + j * out_stride;
        const int64_t n = n_out - j;
        if (n >= 3) {
            weighted_sums_of<3>(start, rows, n_rows, width, w, weights_stride, o, out_stride);
        } else if (n == 2) {
            weighted_sums_of<2>(start, rows, n_rows, width, w, weights_stride, o, out_stride);
        } else {
            weighted_sums_of<1>(start, rows, n_rows, width, w, weights_stride, o, out_stride);
        }
    }
}

float sum_of_squares(const float* x, int64_t n) {
    float result;
    dot_tile<1>(x, n, &x, &result);
    return result;
}

}  // namespace

const Ops kOpsAvx2 = {dots<Avx2, float>, dots<Avx2, uint16_t>, dots_scattered<Avx2>, weighted_sums,
                      sum_of_squares,    &kPanelOpsAvx2,       &kRowOpsAvx2};

}  // namespace engine::kernels
#endif
