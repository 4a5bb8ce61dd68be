// AVX-512 with VNNI. Nothing of the standard library in here: an inline function compiled with
// these flags could be the copy that the linker keeps for everybody.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/bf16_avx512.h"
#include "engine/kernels/panel_ops.h"
#include "engine/kernels/panel_tiles_avx512.h"

namespace engine::kernels {
namespace {

struct Q8 {
    static constexpr PanelType kType = PanelType::q8;

    template <int kPanels, int kTokens>
    static void sums(const PanelTile& t, __m512 (&acc)[kPanels][kTokens]) {
        const int64_t scales = QuantisedRow::scales_at(t.cols);
        const int64_t starts = QuantisedRow::starts_q8_at(t.cols);
        const std::byte* p = t.panel;
        for (int64_t b = 0; b < t.cols / kPanelBlock; b += 2, p += kPanelStepBytes) {
#pragma GCC unroll 2
            for (int64_t half = 0; half < 2; ++half) {
                const std::byte* w = p + kPanelScaleBytes + half * 512;
                const int64_t block = b + half;
                __m512i sum[kPanels][kTokens];
#pragma GCC unroll 8
                for (int j = 0; j < kTokens; ++j) {
                    const __m512i start = broadcast(t.x[j] + starts + block * 4);
#pragma GCC unroll 2
                    for (int i = 0; i < kPanels; ++i) sum[i][j] = start;
                }
#pragma GCC unroll 8
                for (int k = 0; k < 8; ++k) {
                    __m512i weights[kPanels];
#pragma GCC unroll 2
                    for (int i = 0; i < kPanels; ++i)
                        weights[i] = load(w + i * t.panel_bytes + k * 64);
#pragma GCC unroll 8
                    for (int j = 0; j < kTokens; ++j) {
                        const __m512i x = broadcast(t.x[j] + block * kPanelBlock + k * 4);
#pragma GCC unroll 2
                        for (int i = 0; i < kPanels; ++i) {
                            sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], weights[i], x);
                        }
                    }
                }
#pragma GCC unroll 2
                for (int i = 0; i < kPanels; ++i) {
                    const __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256(
                        reinterpret_cast<const __m256i*>(p + i * t.panel_bytes + half * 32)));
#pragma GCC unroll 8
                    for (int j = 0; j < kTokens; ++j) {
                        const __m512 both =
                            _mm512_mul_ps(scale, broadcast_float(t.x[j] + scales + block * 4));
                        acc[i][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i][j]), both, acc[i][j]);
                    }
                }
            }
        }
    }
};

struct Fp4 {
    static constexpr PanelType kType = PanelType::fp4;

    template <int kPanels, int kTokens>
    static void sums(const PanelTile& t, __m512 (&acc)[kPanels][kTokens]) {
        // Twice e2m1 plus 12: unsigned, as the instruction wants its first factor.
        const __m512i values = _mm512_broadcast_i32x4(
            _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
        const __m512i nibble = _mm512_set1_epi8(15);
        const int64_t scales = QuantisedRow::scales_at(t.cols);
        const int64_t starts = QuantisedRow::starts_fp4_at(t.cols);
        const std::byte* p = t.panel;
        for (int64_t b = 0; b < t.cols / kPanelBlock; b += 4, p += kPanelStepBytes) {
#pragma GCC unroll 1
            for (int64_t quarter = 0; quarter < 4; ++quarter) {
                const std::byte* w = p + kPanelScaleBytes + quarter * 256;
                const int64_t block = b + quarter;
                __m512i sum[kPanels][kTokens];
#pragma GCC unroll 8
                for (int j = 0; j < kTokens; ++j) {
                    const __m512i start = broadcast(t.x[j] + starts + block * 4);
#pragma GCC unroll 2
                    for (int i = 0; i < kPanels; ++i) sum[i][j] = start;
                }
#pragma GCC unroll 4
                for (int k = 0; k < 4; ++k) {
                    __m512i low[kPanels], high[kPanels];
#pragma GCC unroll 2
                    for (int i = 0; i < kPanels; ++i) {
                        const __m512i pairs = load(w + i * t.panel_bytes + k * 64);
                        low[i] = _mm512_shuffle_epi8(values, _mm512_and_si512(pairs, nibble));
                        high[i] = _mm512_shuffle_epi8(
                            values, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), nibble));
                    }
#pragma GCC unroll 8
                    for (int j = 0; j < kTokens; ++j) {
                        const std::byte* q = t.x[j] + block * kPanelBlock + k * 4;
                        const __m512i x_low = broadcast(q);
                        const __m512i x_high = broadcast(q + 16);
#pragma GCC unroll 2
                        for (int i = 0; i < kPanels; ++i) {
                            sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], low[i], x_low);
                            sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], high[i], x_high);
                        }
                    }
                }
#pragma GCC unroll 2
                for (int i = 0; i < kPanels; ++i) {
                    const __m128i exponents = _mm_loadu_si128(
                        reinterpret_cast<const __m128i*>(p + i * t.panel_bytes + quarter * 16));
                    const __m512 scale =
                        _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu8_epi32(exponents), 23));
#pragma GCC unroll 8
                    for (int j = 0; j < kTokens; ++j) {
                        const __m512 both =
                            _mm512_mul_ps(scale, broadcast_float(t.x[j] + scales + block * 4));
                        acc[i][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i][j]), both, acc[i][j]);
                    }
                }
            }
        }
    }
};

struct Bf16ByFma {
    static constexpr PanelType kType = PanelType::bf16;

    template <int kPanels, int kTokens>
    static void sums(const PanelTile& t, __m512 (&acc)[kPanels][kTokens]) {
        __m512 odd[kPanels][kTokens];
#pragma GCC unroll 8
        for (int j = 0; j < kTokens; ++j) {
#pragma GCC unroll 2
            for (int i = 0; i < kPanels; ++i) odd[i][j] = _mm512_setzero_ps();
        }
        const std::byte* p = t.panel;
        for (int64_t c = 0; c < t.cols; c += 2, p += 64) {
            auto& chain = c % 4 == 0 ? acc : odd;
            __m512i w[kPanels];
#pragma GCC unroll 2
            for (int i = 0; i < kPanels; ++i) w[i] = load(p + i * t.panel_bytes);
#pragma GCC unroll 8
            for (int j = 0; j < kTokens; ++j) {
                const __m512i x = broadcast(t.x[j] + c * 2);
#pragma GCC unroll 2
                for (int i = 0; i < kPanels; ++i) {
                    chain[i][j] =
                        _mm512_fmadd_ps(first_of_pairs(w[i]), first_of_pairs(x), chain[i][j]);
                    chain[i][j] =
                        _mm512_fmadd_ps(second_of_pairs(w[i]), second_of_pairs(x), chain[i][j]);
                }
            }
        }
#pragma GCC unroll 8
        for (int j = 0; j < kTokens; ++j) {
#pragma GCC unroll 2
            for (int i = 0; i < kPanels; ++i) acc[i][j] = _mm512_add_ps(acc[i][j], odd[i][j]);
        }
    }
};

void round(const float* x, int64_t cols, std::byte* row) {
    for (int64_t c = 0; c < padded_cols(cols); c += 16) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + c * 2),
                            rounded_to_bf16(load_columns(x, c, cols)));
    }
}

}  // namespace

void multiply_q8_avx512(const PanelProduct& in) {
    multiply_panels<Q8>(in);
}
void multiply_fp4_avx512(const PanelProduct& in) {
    multiply_panels<Fp4>(in);
}

void quantise_avx512(const float* x, int64_t cols, std::byte* row) {
    const int64_t n = padded_cols(cols);
    auto* scales = reinterpret_cast<float*>(row + QuantisedRow::scales_at(cols));
    auto* starts_q8 = reinterpret_cast<int32_t*>(row + QuantisedRow::starts_q8_at(cols));
    auto* starts_fp4 = reinterpret_cast<int32_t*>(row + QuantisedRow::starts_fp4_at(cols));
    const __m512i bound = _mm512_set1_epi32(127);
    const __m512i minus_bound = _mm512_set1_epi32(-127);
    for (int64_t c = 0; c < n; c += kPanelBlock) {
        const __m512 a = load_columns(x, c, cols);
        const __m512 b = load_columns(x, c + 16, cols);
        const float largest =
            _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
        const __m512 reciprocal = _mm512_set1_ps(largest > 0 ? 127.0f / largest : 0.0f);
        const auto to_int = [&](__m512 v) {
            const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(v, reciprocal));
            return _mm512_max_epi32(_mm512_min_epi32(q, bound), minus_bound);
        };
        const __m512i qa = to_int(a);
        const __m512i qb = to_int(b);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(row + c), _mm512_cvtepi32_epi8(qa));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(row + c + 16), _mm512_cvtepi32_epi8(qb));
        const int32_t sum = _mm512_reduce_add_epi32(_mm512_add_epi32(qa, qb));
        scales[c / kPanelBlock] = largest * (1.0f / 127.0f);
        starts_q8[c / kPanelBlock] = -128 * sum;
        starts_fp4[c / kPanelBlock] = -12 * sum;
    }
}

const PanelOps kPanelOpsAvx512 = {multiply_q8_avx512, multiply_fp4_avx512,
                                  multiply_panels<Bf16ByFma>, quantise_avx512, round};

}  // namespace engine::kernels
#endif
