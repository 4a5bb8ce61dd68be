#pragma once
// Tiles of a product over panels with 512-bit vectors, whatever multiplies in them. A Product says
// its panel type and adds up one tile:
//     static constexpr PanelType kType;
//     template <int kPanels, int kTokens>
//     static void sums(const PanelTile& t, __m512 (&acc)[kPanels][kTokens]);   // acc comes in as 0
// and lives in an anonymous namespace, so that no file's copy serves one with other flags.
#include <immintrin.h>

#include "engine/kernels/panel_ops.h"

namespace engine::kernels {

// A tile is kPanels panels by kTokens vectors. With few tokens memory is the limit and one panel at
// a time keeps one stream; with many, two panels halve the broadcasts.
constexpr int64_t kTokensThin = 8;
constexpr int64_t kTokensWide = 6;

struct PanelTile {
    const std::byte* panel;  // the second one follows it
    int64_t panel_bytes;
    int64_t cols;  // padded
    const std::byte* const* x;
};

static inline __m512i load(const std::byte* p) {
    return _mm512_loadu_si512(p);
}
static inline __m512i broadcast(const std::byte* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}
static inline __m512 broadcast_float(const std::byte* p) {
    float one;
    __builtin_memcpy(&one, p, sizeof one);
    return _mm512_set1_ps(one);
}

template <class Product, int kPanels, int kTokens>
void panel_tile(const PanelProduct& in, int64_t panel, int64_t token) {
    const int64_t bytes = panel_bytes(Product::kType, in.cols);
    const PanelTile t{in.panels + panel * bytes, bytes, padded_cols(in.cols), in.x + token};
    __m512 acc[kPanels][kTokens];
#pragma GCC unroll 2
    for (int i = 0; i < kPanels; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < kTokens; ++j) acc[i][j] = _mm512_setzero_ps();
    }
    Product::sums(t, acc);
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

template <class Product, int kPanels>
void panel_tiles(const PanelProduct& in, int64_t panel, int64_t n_tokens_tile) {
    for (int64_t token = 0; token < in.n; token += n_tokens_tile) {
        const int64_t n = in.n - token < n_tokens_tile ? in.n - token : n_tokens_tile;
        switch (n) {
            case 1:
                panel_tile<Product, kPanels, 1>(in, panel, token);
                break;
            case 2:
                panel_tile<Product, kPanels, 2>(in, panel, token);
                break;
            case 3:
                panel_tile<Product, kPanels, 3>(in, panel, token);
                break;
            case 4:
                panel_tile<Product, kPanels, 4>(in, panel, token);
                break;
            case 5:
                panel_tile<Product, kPanels, 5>(in, panel, token);
                break;
            case 6:
                panel_tile<Product, kPanels, 6>(in, panel, token);
                break;
            case 7:
                if constexpr (kPanels == 1) panel_tile<Product, kPanels, 7>(in, panel, token);
                break;
            default:
                if constexpr (kPanels == 1) panel_tile<Product, kPanels, 8>(in, panel, token);
                break;
        }
    }
}

template <class Product>
void multiply_panels(const PanelProduct& in) {
    const int64_t n = n_panels(in.rows);
    int64_t panel = 0;
    if (in.n > kTokensThin) {
        for (; panel + 2 <= n; panel += 2) panel_tiles<Product, 2>(in, panel, kTokensWide);
    }
    for (; panel < n; ++panel) panel_tiles<Product, 1>(in, panel, kTokensThin);
}

// The 16 numbers from column c on, zeros behind the last.
static inline __m512 load_columns(const float* x, int64_t c, int64_t cols) {
    const int64_t n = cols - c;
    if (n >= 16) return _mm512_loadu_ps(x + c);
    const auto mask = static_cast<__mmask16>(n <= 0 ? 0u : (1u << n) - 1u);
    return _mm512_maskz_loadu_ps(mask, x + c);
}

}  // namespace engine::kernels
