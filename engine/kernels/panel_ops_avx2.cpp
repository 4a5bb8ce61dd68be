// AVX2, FMA and F16C. Nothing of the standard library in here: an inline function compiled with
// these flags could be the copy that the linker keeps for everybody.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/panel_ops.h"

namespace engine::kernels {
namespace {

constexpr int64_t kTokens = 3;  // of a tile of one panel

inline __m256i load(const std::byte* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline __m256i broadcast(const std::byte* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
}
inline __m256 broadcast_float(const std::byte* p) {
    float one;
    __builtin_memcpy(&one, p, sizeof one);
    return _mm256_set1_ps(one);
}

struct Tile {
    const std::byte* panel;
    int64_t cols;  // padded
    const std::byte* const* x;
};

// Unsigned times signed bytes, fours of them added. Both factors are small enough for the sums of
// two in 16 bits: 128 * 127 * 2 and 24 * 127 * 2.
inline __m256i dots_of_four(__m256i unsigned_bytes, __m256i signed_bytes) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(unsigned_bytes, signed_bytes),
                             _mm256_set1_epi16(1));
}

template <int kN>
inline void tile_q8(const Tile& t, __m256 (&acc)[2][kN]) {
    const int64_t scales = QuantisedRow::scales_at(t.cols);
    const __m256i offset = _mm256_set1_epi8(-128);
    const std::byte* p = t.panel;
    for (int64_t b = 0; b < t.cols / kPanelBlock; ++b) {
        if (b != 0 && b % 2 == 0) p += kPanelStepBytes;
        const std::byte* w = p + kPanelScaleBytes + b % 2 * 512;
        __m256i sum[2][kN];
        for (int j = 0; j < kN; ++j) sum[0][j] = sum[1][j] = _mm256_setzero_si256();
        for (int k = 0; k < 8; ++k) {
            for (int i = 0; i < 2; ++i) {
                // The product of magnitudes, the sign given to the activation.
                const __m256i weights = _mm256_xor_si256(load(w + k * 64 + i * 32), offset);
                const __m256i magnitudes = _mm256_abs_epi8(weights);
                for (int j = 0; j < kN; ++j) {
                    const __m256i x = broadcast(t.x[j] + b * kPanelBlock + k * 4);
                    sum[i][j] = _mm256_add_epi32(
                        sum[i][j], dots_of_four(magnitudes, _mm256_sign_epi8(x, weights)));
                }
            }
        }
        for (int i = 0; i < 2; ++i) {
            const __m256 scale = _mm256_cvtph_ps(
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + b % 2 * 32 + i * 16)));
            for (int j = 0; j < kN; ++j) {
                const __m256 both = _mm256_mul_ps(scale, broadcast_float(t.x[j] + scales + b * 4));
                acc[i][j] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[i][j]), both, acc[i][j]);
            }
        }
    }
}

template <int kN>
inline void tile_fp4(const Tile& t, __m256 (&acc)[2][kN]) {
    const __m256i values = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
    const __m256i nibble = _mm256_set1_epi8(15);
    const int64_t scales = QuantisedRow::scales_at(t.cols);
    const int64_t starts = QuantisedRow::starts_fp4_at(t.cols);
    const std::byte* p = t.panel;
    for (int64_t b = 0; b < t.cols / kPanelBlock; ++b) {
        if (b != 0 && b % 4 == 0) p += kPanelStepBytes;
        const std::byte* w = p + kPanelScaleBytes + b % 4 * 256;
        __m256i sum[2][kN];
        for (int j = 0; j < kN; ++j) {
            sum[0][j] = sum[1][j] = broadcast(t.x[j] + starts + b * 4);
        }
        for (int k = 0; k < 4; ++k) {
            for (int i = 0; i < 2; ++i) {
                const __m256i pairs = load(w + k * 64 + i * 32);
                const __m256i low = _mm256_shuffle_epi8(values, _mm256_and_si256(pairs, nibble));
                const __m256i high = _mm256_shuffle_epi8(
                    values, _mm256_and_si256(_mm256_srli_epi16(pairs, 4), nibble));
                for (int j = 0; j < kN; ++j) {
                    const std::byte* q = t.x[j] + b * kPanelBlock + k * 4;
                    sum[i][j] = _mm256_add_epi32(sum[i][j], dots_of_four(low, broadcast(q)));
                    sum[i][j] = _mm256_add_epi32(sum[i][j], dots_of_four(high, broadcast(q + 16)));
                }
            }
        }
        for (int i = 0; i < 2; ++i) {
            const __m128i exponents =
                _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + b % 4 * 16 + i * 8));
            const __m256 scale =
                _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu8_epi32(exponents), 23));
            for (int j = 0; j < kN; ++j) {
                const __m256 both = _mm256_mul_ps(scale, broadcast_float(t.x[j] + scales + b * 4));
                acc[i][j] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[i][j]), both, acc[i][j]);
            }
        }
    }
}

// The two bf16 of each 32 bits, widened.
inline __m256 first_of(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
}
inline __m256 second_of(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
}

template <int kN>
inline void tile_bf16(const Tile& t, __m256 (&acc)[2][kN]) {
    __m256 chains[2][2][kN];
    for (int j = 0; j < kN; ++j) {
        for (int i = 0; i < 2; ++i) {
            chains[0][i][j] = chains[1][i][j] = _mm256_setzero_ps();
        }
    }
    const std::byte* p = t.panel;
    for (int64_t c = 0; c < t.cols; c += 2, p += 64) {
        auto& chain = chains[c / 2 % 2];
        const __m256i w[2] = {load(p), load(p + 32)};
        for (int j = 0; j < kN; ++j) {
            const __m256i x = broadcast(t.x[j] + c * 2);
            for (int i = 0; i < 2; ++i) {
                chain[i][j] = _mm256_fmadd_ps(first_of(w[i]), first_of(x), chain[i][j]);
                chain[i][j] = _mm256_fmadd_ps(second_of(w[i]), second_of(x), chain[i][j]);
            }
        }
    }
    for (int j = 0; j < kN; ++j) {
        for (int i = 0; i < 2; ++i) acc[i][j] = _mm256_add_ps(chains[0][i][j], chains[1][i][j]);
    }
}

template <PanelType kType, int kN>
void tile(const PanelProduct& in, int64_t panel, int64_t token) {
    const Tile t{in.panels + panel * panel_bytes(kType, in.cols), padded_cols(in.cols),
                 in.x + token};
    __m256 acc[2][kN];
    for (int j = 0; j < kN; ++j) acc[0][j] = acc[1][j] = _mm256_setzero_ps();
    if constexpr (kType == PanelType::q8) {
        tile_q8(t, acc);
    } else if constexpr (kType == PanelType::fp4) {
        tile_fp4(t, acc);
    } else {
        tile_bf16(t, acc);
    }
    const __m256 unit = _mm256_set1_ps(in.unit);
    const int64_t row = panel * kPanelRows;
    const int64_t n_rows = in.rows - row < kPanelRows ? in.rows - row : kPanelRows;
    for (int j = 0; j < kN; ++j) {
        float sums[kPanelRows];
        _mm256_storeu_ps(sums, _mm256_mul_ps(acc[0][j], unit));
        _mm256_storeu_ps(sums + 8, _mm256_mul_ps(acc[1][j], unit));
        for (int64_t i = 0; i < n_rows; ++i) in.y[token + j][row + i] = sums[i];
    }
}

template <PanelType kType>
void multiply(const PanelProduct& in) {
    for (int64_t panel = 0; panel < n_panels(in.rows); ++panel) {
        int64_t token = 0;
        for (; token + kTokens <= in.n; token += kTokens) tile<kType, kTokens>(in, panel, token);
        if (in.n - token == 2) {
            tile<kType, 2>(in, panel, token);
        } else if (in.n - token == 1) {
            tile<kType, 1>(in, panel, token);
        }
    }
}

inline float largest_of(__m256 v) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

inline int32_t sum_of(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

// 32 numbers from column c on, zeros behind the last.
inline void load_block(const float* x, int64_t c, int64_t cols, __m256 (&v)[4]) {
    float padded[kPanelBlock] = {};
    const float* from = x + c;
    if (c + kPanelBlock > cols) {
        for (int64_t i = 0; c + i < cols; ++i) padded[i] = from[i];
        from = padded;
    }
    for (int i = 0; i < 4; ++i) v[i] = _mm256_loadu_ps(from + 8 * i);
}

void quantise(const float* x, int64_t cols, std::byte* row) {
    const int64_t n = padded_cols(cols);
    auto* scales = reinterpret_cast<float*>(row + QuantisedRow::scales_at(cols));
    auto* starts_q8 = reinterpret_cast<int32_t*>(row + QuantisedRow::starts_q8_at(cols));
    auto* starts_fp4 = reinterpret_cast<int32_t*>(row + QuantisedRow::starts_fp4_at(cols));
    const __m256 sign = _mm256_set1_ps(-0.0f);
    const __m256i order =
        _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // undoes the packing by halves
    for (int64_t c = 0; c < n; c += kPanelBlock) {
        __m256 v[4];
        load_block(x, c, cols, v);
        __m256 magnitude = _mm256_setzero_ps();
        for (int i = 0; i < 4; ++i)
            magnitude = _mm256_max_ps(magnitude, _mm256_andnot_ps(sign, v[i]));
        const float largest = largest_of(magnitude);
        const __m256 reciprocal = _mm256_set1_ps(largest > 0 ? 127.0f / largest : 0.0f);
        __m256i q[4];
        __m256i sum = _mm256_setzero_si256();
        for (int i = 0; i < 4; ++i) {
            q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], reciprocal));
            q[i] = _mm256_max_epi32(_mm256_min_epi32(q[i], _mm256_set1_epi32(127)),
                                    _mm256_set1_epi32(-127));
            sum = _mm256_add_epi32(sum, q[i]);
        }
        const __m256i bytes =
            _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + c),
                            _mm256_permutevar8x32_epi32(bytes, order));
        const int32_t total = sum_of(sum);
        scales[c / kPanelBlock] = largest * (1.0f / 127.0f);
        starts_q8[c / kPanelBlock] = -128 * total;
        starts_fp4[c / kPanelBlock] = -12 * total;
    }
}

void round(const float* x, int64_t cols, std::byte* row) {
    const int64_t n = padded_cols(cols);
    for (int64_t c = 0; c < n; ++c) {
        uint32_t bits = 0;
        if (c < cols) __builtin_memcpy(&bits, x + c, sizeof bits);
        const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        const uint32_t rounded = nan ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1u);
        const auto half = static_cast<uint16_t>(rounded >> 16);
        __builtin_memcpy(row + c * 2, &half, sizeof half);
    }
}

}  // namespace

const PanelOps kPanelOpsAvx2 = {multiply<PanelType::q8>, multiply<PanelType::fp4>,
                                multiply<PanelType::bf16>, quantise, round};

}  // namespace engine::kernels
#endif
