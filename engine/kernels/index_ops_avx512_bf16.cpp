// Scores of bf16 keys with AVX-512 BF16. Nothing of the standard library in here: see
// ops_avx512.cpp.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/index_panel.h"
#include "engine/kernels/index_tiles_avx512.h"

namespace engine::kernels {
namespace {

struct ByBf16 {
    static __m512 add(__m512 sum, __m512i a, __m512i b) {
        return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
    }
};

}  // namespace

void index_scores_avx512_bf16(const IndexPanel& q, const uint16_t* const* keys, int64_t n_keys,
                              float* scores) {
    index_scores<ByBf16>(q, keys, n_keys, scores);
}

void to_bf16_avx512_bf16(const float* x, int64_t n, uint16_t* to) {
    for (int64_t i = 0; i < n; i += 16) {
        const auto mask = static_cast<__mmask16>(n - i >= 16 ? 0xFFFF : (1 << (n - i)) - 1);
        const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i));
        _mm256_mask_storeu_epi16(to + i, mask, reinterpret_cast<__m256i>(rounded));
    }
}

}  // namespace engine::kernels
#endif
