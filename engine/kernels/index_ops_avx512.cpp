// Scores of bf16 keys with AVX-512 without BF16 instructions. Nothing of the standard library in
// here: see ops_avx512.cpp.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/bf16_avx512.h"
#include "engine/kernels/index_panel.h"
#include "engine/kernels/index_tiles_avx512.h"

namespace engine::kernels {
namespace {

struct ByFma {
    static __m512 add(__m512 sum, __m512i a, __m512i b) {
        sum = _mm512_fmadd_ps(first_of_pairs(a), first_of_pairs(b), sum);
        return _mm512_fmadd_ps(second_of_pairs(a), second_of_pairs(b), sum);
    }
};

}  // namespace

void index_scores_avx512(const IndexPanel& q, const uint16_t* const* keys, int64_t n_keys,
                         float* scores) {
    index_scores<ByFma>(q, keys, n_keys, scores);
}

void to_bf16_avx512(const float* x, int64_t n, uint16_t* to) {
    for (int64_t i = 0; i < n; i += 16) {
        const auto mask = static_cast<__mmask16>(n - i >= 16 ? 0xFFFF : (1 << (n - i)) - 1);
        _mm256_mask_storeu_epi16(to + i, mask, rounded_to_bf16(_mm512_maskz_loadu_ps(mask, x + i)));
    }
}

}  // namespace engine::kernels
#endif
