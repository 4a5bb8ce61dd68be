// AVX2 and F16C. Nothing of the standard library in here: an inline function compiled with these
// flags could be the copy that the linker keeps for everybody.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/row_format.h"

namespace engine::kernels {
namespace {

constexpr int64_t kE4m3Group = 64;
constexpr int64_t kE2m1Group = 32;

inline __m256 widen_bf16(__m128i half) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

// Eight codes in the low bytes. An e4m3 code is the upper part of a half-precision number whose
// exponent is 8 too low, and that conversion takes its subnormals as they are.
inline __m256 widen_e4m3(__m128i codes) {
    const __m128i wide = _mm_cvtepu8_epi16(codes);
    const __m128i magnitude = _mm_slli_epi16(_mm_and_si128(wide, _mm_set1_epi16(0x7f)), 7);
    const __m128i sign = _mm_slli_epi16(_mm_and_si128(wide, _mm_set1_epi16(0x80)), 8);
    return _mm256_mul_ps(_mm256_cvtph_ps(_mm_or_si128(magnitude, sign)), _mm256_set1_ps(256));
}

// Eight codes in the four bytes of `word`, the first in the lowest bits.
inline __m256 widen_e2m1(uint32_t word) {
    const __m256 values = _mm256_setr_ps(0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f);
    const __m256i codes = _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(word)),
                                            _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
    const __m256 magnitude = _mm256_permutevar8x32_ps(values, codes);  // reads three bits of each
    const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(codes, _mm256_set1_epi32(8)), 28);
    return _mm256_xor_ps(magnitude, _mm256_castsi256_ps(sign));
}

inline __m256 scale_of(std::byte bits) {
    const auto n = static_cast<uint32_t>(bits);
    const uint32_t nan = 0x7fc00000u;
    const uint32_t number = n == 0 ? 0x00400000u : n << 23;
    return _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(n == 255 ? nan : number)));
}

// Stores the first n < 8 lanes.
inline void store_tail(float* to, __m256 numbers, int64_t n) {
    float all[8];
    _mm256_storeu_ps(all, numbers);
    for (int64_t i = 0; i < n; ++i) to[i] = all[i];
}

void expand_bf16(const std::byte* from, int64_t n, float* to) {
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const auto* half = reinterpret_cast<const __m128i*>(from + 2 * i);
        _mm256_storeu_ps(to + i, widen_bf16(_mm_loadu_si128(half)));
    }
    if (i == n) return;
    alignas(16) std::byte last[16] = {};
    for (int64_t k = 0; k < 2 * (n - i); ++k) last[k] = from[2 * i + k];
    const __m128i half = _mm_load_si128(reinterpret_cast<const __m128i*>(last));
    store_tail(to + i, widen_bf16(half), n - i);
}

void expand_e4m3(const std::byte* codes, const std::byte* scales, int64_t n, float* to) {
    for (int64_t begin = 0; begin < n; begin += kE4m3Group) {
        const int64_t end = begin + kE4m3Group < n ? begin + kE4m3Group : n;
        const __m256 scale = scale_of(scales[begin / kE4m3Group]);
        int64_t i = begin;
        for (; i + 8 <= end; i += 8) {
            const __m128i eight = _mm_loadu_si64(codes + i);
            _mm256_storeu_ps(to + i, _mm256_mul_ps(widen_e4m3(eight), scale));
        }
        if (i == end) continue;
        alignas(16) std::byte last[16] = {};
        for (int64_t k = 0; k < end - i; ++k) last[k] = codes[i + k];
        const __m128i rest = _mm_load_si128(reinterpret_cast<const __m128i*>(last));
        store_tail(to + i, _mm256_mul_ps(widen_e4m3(rest), scale), end - i);
    }
}

void expand_e2m1(const std::byte* codes, const std::byte* scales, int64_t n, float* to) {
    for (int64_t begin = 0; begin < n; begin += kE2m1Group) {
        const int64_t end = begin + kE2m1Group < n ? begin + kE2m1Group : n;
        const __m256 scale = scale_of(scales[begin / kE2m1Group]);
        int64_t i = begin;
        for (; i + 8 <= end; i += 8) {
            uint32_t word;
            __builtin_memcpy(&word, codes + i / 2, sizeof word);
            _mm256_storeu_ps(to + i, _mm256_mul_ps(widen_e2m1(word), scale));
        }
        if (i == end) continue;
        uint32_t word = 0;
        __builtin_memcpy(&word, codes + i / 2, static_cast<unsigned long>((end - i + 1) / 2));
        store_tail(to + i, _mm256_mul_ps(widen_e2m1(word), scale), end - i);
    }
}

}  // namespace

const RowOps kRowOpsAvx2 = {expand_bf16, expand_e4m3, expand_e2m1};

}  // namespace engine::kernels
#endif
