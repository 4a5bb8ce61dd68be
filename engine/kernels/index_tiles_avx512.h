#pragma once
// Scores of bf16 keys with 512-bit vectors, whatever multiplies in them:
//     static __m512 Product::add(__m512 sum, __m512i a, __m512i b);   // + two products of bf16
//     each
// A Product lives in an anonymous namespace, so that no file's copy serves one with other flags.
#include <immintrin.h>

#include "engine/kernels/index_panel.h"

namespace engine::kernels {

constexpr int kIndexKeys = 4;     // at once
constexpr int kIndexVectors = 4;  // of heads at once

// n_heads heads from head `first` on, in kV vectors, against kK keys: adds to totals[kK].
template <class Product, int kK, int kV>
inline void index_tile(const IndexPanel& q, int64_t n_padded, int64_t first,
                       const uint16_t* const* keys, __m512* totals) {
    __m512 sums[kK][kV];
#pragma GCC unroll 4
    for (int k = 0; k < kK; ++k) {
#pragma GCC unroll 4
        for (int v = 0; v < kV; ++v) sums[k][v] = _mm512_setzero_ps();
    }
    const uint32_t* pairs = q.pairs + first;
    for (int64_t p = 0; p < q.width / 2; ++p, pairs += n_padded) {
        __m512i heads[kV];
#pragma GCC unroll 4
        for (int v = 0; v < kV; ++v) heads[v] = _mm512_loadu_si512(pairs + v * kIndexLanes);
#pragma GCC unroll 4
        for (int k = 0; k < kK; ++k) {
            int32_t pair;
            __builtin_memcpy(&pair, keys[k] + 2 * p, sizeof pair);
            const __m512i both = _mm512_set1_epi32(pair);
#pragma GCC unroll 4
            for (int v = 0; v < kV; ++v) {
                sums[k][v] = Product::add(sums[k][v], heads[v], both);
            }
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) {
        const int64_t n_left = q.n_heads - first - v * kIndexLanes;
        const auto mask =
            static_cast<__mmask16>(n_left >= kIndexLanes ? 0xFFFF : (1 << n_left) - 1);
        const __m512 weights = _mm512_maskz_loadu_ps(mask, q.weights + first + v * kIndexLanes);
#pragma GCC unroll 4
        for (int k = 0; k < kK; ++k) {
            const __m512 wanted = _mm512_max_ps(sums[k][v], _mm512_setzero_ps());
            totals[k] = _mm512_fmadd_ps(weights, wanted, totals[k]);
        }
    }
}

template <class Product, int kK>
inline void index_keys(const IndexPanel& q, const uint16_t* const* keys, float* scores) {
    const int64_t n_vectors = (q.n_heads + kIndexLanes - 1) / kIndexLanes;
    const int64_t n_padded = n_vectors * kIndexLanes;
    __m512 totals[kK];
#pragma GCC unroll 4
    for (int k = 0; k < kK; ++k) totals[k] = _mm512_setzero_ps();
    int64_t v = 0;
    for (; v + kIndexVectors <= n_vectors; v += kIndexVectors) {
        index_tile<Product, kK, kIndexVectors>(q, n_padded, v * kIndexLanes, keys, totals);
    }
    for (; v < n_vectors; ++v)
        index_tile<Product, kK, 1>(q, n_padded, v * kIndexLanes, keys, totals);
#pragma GCC unroll 4
    for (int k = 0; k < kK; ++k) scores[k] = _mm512_reduce_add_ps(totals[k]);
}

template <class Product>
void index_scores(const IndexPanel& q, const uint16_t* const* keys, int64_t n_keys, float* scores) {
    int64_t i = 0;
    for (; i + kIndexKeys <= n_keys; i += kIndexKeys) {
        index_keys<Product, kIndexKeys>(q, keys + i, scores + i);
    }
    for (; i < n_keys; ++i) index_keys<Product, 1>(q, keys + i, scores + i);
}

}  // namespace engine::kernels
