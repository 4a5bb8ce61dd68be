// AVX-512 with BF16: what the instruction set without it does in two products and more shifts.
// Nothing of the standard library in here: see panel_ops_avx512.cpp.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/panel_ops.h"
#include "engine/kernels/panel_tiles_avx512.h"

namespace engine::kernels {
namespace {

struct Bf16 {
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
                    odd[i][j] = _mm512_dpbf16_ps(odd[i][j], reinterpret_cast<__m512bh>(second[i]),
                                                 x_second);
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
        const __m256bh half = _mm512_cvtneps_pbh(load_columns(x, c, cols));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + c * 2),
                            reinterpret_cast<__m256i>(half));
    }
}

}  // namespace

const PanelOps kPanelOpsAvx512Bf16 = {multiply_q8_avx512, multiply_fp4_avx512,
                                      multiply_panels<Bf16>, quantise_avx512, round};

}  // namespace engine::kernels
#endif
