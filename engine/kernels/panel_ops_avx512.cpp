// AVX-512 with VNNI and BF16. Nothing of the standard library in here: an inline function compiled
// with these flags could be the copy that the linker keeps for everybody.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/panel_ops.h"

namespace engine::kernels {
namespace {

// A tile is kPanels panels by kTokens vectors. With few tokens memory is the limit and one panel at
// a time keeps one stream; with many, two panels halve the broadcasts.
constexpr int64_t kTokensThin = 8;
constexpr int64_t kTokensWide = 6;

struct Tile {
    const std::byte* panel;  // the second one follows it
    int64_t panel_bytes;
    int64_t cols;  // padded
    const std::byte* const* x;
};

inline __m512i load(const std::byte* p) {
    return _mm512_loadu_si512(p);
}
inline __m512i broadcast(const std::byte* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}
inline __m512 broadcast_float(const std::byte* p) {
    float one;
    __builtin_memcpy(&one, p, sizeof one);
    return _mm512_set1_ps(one);
}

template <int kPanels, int kTokens>
inline void tile_q8(const Tile& t, __m512 (&acc)[kPanels][kTokens]) {
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
                for (int i = 0; i < kPanels; ++i) weights[i] = load(w + i * t.panel_bytes + k * 64);
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

template <int kPanels, int kTokens>
inline void tile_fp4(const Tile& t, __m512 (&acc)[kPanels][kTokens]) {
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

template <int kPanels, int kTokens>
inline void tile_bf16(const Tile& t, __m512 (&acc)[kPanels][kTokens]) {
    __m512 odd[kPanels][kTokens];
#pragma GCC unroll 8
    for (int j = 0; j < kTokens; ++j) {
#pragma GCC unroll 2
        for (int i = 0; i < kPanels; ++i) odd[i][j] = _mm512_setzero_ps();
    }
    const std::byte* p = t.panel;
    for (int64_t c = 0; c < t.cols; c += 4, p += 128) {
        __m512i first[kPanels], second[kPanels];
#pragma GCC unroll 2
        for (int i = 0; i < kPanels; ++i) {
            first[i] = load(p + i * t.panel_bytes);
            second[i] = load(p + i * t.panel_bytes + 64);
        }
#pragma GCC unroll 8
        for (int j = 0; j < kTokens; ++j) {
            const auto x_first = reinterpret_cast<__m512bh>(broadcast(t.x[j] + c * 2));
            const auto x_second = reinterpret_cast<__m512bh>(broadcast(t.x[j] + c * 2 + 4));
#pragma GCC unroll 2
            for (int i = 0; i < kPanels; ++i) {
                acc[i][j] =
                    _mm512_dpbf16_ps(acc[i][j], reinterpret_cast<__m512bh>(first[i]), x_first);
                odd[i][j] =
                    _mm512_dpbf16_ps(odd[i][j], reinterpret_cast<__m512bh>(second[i]), x_second);
            }
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < kTokens; ++j) {
#pragma GCC unroll 2
        for (int i = 0; i < kPanels; ++i) acc[i][j] = _mm512_add_ps(acc[i][j], odd[i][j]);
    }
}

template <PanelType kType, int kPanels, int kTokens>
void tile(const PanelProduct& in, int64_t panel, int64_t token) {
    const int64_t bytes = panel_bytes(kType, in.cols);
    const Tile t{in.panels + panel * bytes, bytes, padded_cols(in.cols), in.x + token};
    __m512 acc[kPanels][kTokens];
#pragma GCC unroll 2
    for (int i = 0; i < kPanels; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < kTokens; ++j) acc[i][j] = _mm512_setzero_ps();
    }
    if constexpr (kType == PanelType::q8) {
        tile_q8(t, acc);
    } else if constexpr (kType == PanelType::fp4) {
        tile_fp4(t, acc);
    } else {
        tile_bf16(t, acc);
    }
    const __m512 unit = _mm512_set1_ps(in.unit);
#pragma GCC unroll 2
    for (int i = 0; i < kPanels; ++i) {
        const int64_t row = (panel + i) * kPanelRows;
        const int64_t n_rows = in.rows - row < kPanelRows ? in.rows - row : kPanelRows;
        const auto mask = static_cast<__mmask16>((1u << n_rows) - 1u);
#pragma GCC unroll 8
        for (int j = 0; j < kTokens; ++j) {
            _mm512_mask_storeu_ps(in.y[token + j] + row, mask, _mm512_mul_ps(acc[i][j], unit));
        }
    }
}

template <PanelType kType, int kPanels>
void tiles(const PanelProduct& in, int64_t panel, int64_t n_tokens_tile) {
    for (int64_t token = 0; token < in.n; token += n_tokens_tile) {
        const int64_t n = in.n - token < n_tokens_tile ? in.n - token : n_tokens_tile;
        switch (n) {
            case 1:
                tile<kType, kPanels, 1>(in, panel, token);
                break;
            case 2:
                tile<kType, kPanels, 2>(in, panel, token);
                break;
            case 3:
                tile<kType, kPanels, 3>(in, panel, token);
                break;
            case 4:
                tile<kType, kPanels, 4>(in, panel, token);
                break;
            case 5:
                tile<kType, kPanels, 5>(in, panel, token);
                break;
            case 6:
                tile<kType, kPanels, 6>(in, panel, token);
                break;
            case 7:
                if constexpr (kPanels == 1) tile<kType, kPanels, 7>(in, panel, token);
                break;
            default:
                if constexpr (kPanels == 1) tile<kType, kPanels, 8>(in, panel, token);
                break;
        }
    }
}

template <PanelType kType>
void multiply(const PanelProduct& in) {
    const int64_t n = n_panels(in.rows);
    int64_t panel = 0;
    if (in.n > kTokensThin) {
        for (; panel + 2 <= n; panel += 2) tiles<kType, 2>(in, panel, kTokensWide);
    }
    for (; panel < n; ++panel) tiles<kType, 1>(in, panel, kTokensThin);
}

// The 16 numbers from column c on, zeros behind the last.
inline __m512 load_columns(const float* x, int64_t c, int64_t cols) {
    const int64_t n = cols - c;
    if (n >= 16) return _mm512_loadu_ps(x + c);
    const auto mask = static_cast<__mmask16>(n <= 0 ? 0u : (1u << n) - 1u);
    return _mm512_maskz_loadu_ps(mask, x + c);
}

void quantise(const float* x, int64_t cols, std::byte* row) {
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

void round(const float* x, int64_t cols, std::byte* row) {
    for (int64_t c = 0; c < padded_cols(cols); c += 16) {
        const __m256bh half = _mm512_cvtneps_pbh(load_columns(x, c, cols));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + c * 2),
                            reinterpret_cast<__m256i>(half));
    }
}

}  // namespace

const PanelOps kPanelOpsAvx512 = {multiply<PanelType::q8>, multiply<PanelType::fp4>,
                                  multiply<PanelType::bf16>, quantise, round};

}  // namespace engine::kernels
#endif
