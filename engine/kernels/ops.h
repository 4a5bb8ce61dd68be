#pragma once
// The inner loops that are worth an instruction set of their own, as a table of functions chosen
// once. Every sum's order depends on the length of the sum alone: never on how many rows or tokens
// are done at once, on alignment, or on the thread. So one table gives the same bits in any
// batching; two tables differ by rounding.
#include <cstdint>

namespace engine::kernels {

// Each has what the ones before it have. avx512 stands for F, BW, VL, DQ and VNNI.
enum class Isa : uint8_t { portable, avx2, avx512, avx512_bf16 };
inline constexpr Isa kIsas[] = {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512_bf16};

Isa best_isa();  // of this processor
const char* to_string(Isa isa);

struct IndexPanel;  // engine/kernels/index_panel.h
struct PanelOps;    // engine/kernels/panel_ops.h
struct RowOps;      // engine/kernels/row_format.h

enum class Sums : uint8_t { fresh, continued };  // from zero, or from what `out` holds

struct Ops {
    // out[j][i] = dot(row_i, x[j]) for i < n_rows, j < n_x: products of `width` numbers, f32 sums.
    // Rows lie `width` apart from `rows` on; out[j] has n_rows numbers. out aliases nothing.
    void (*dots_f32)(const float* rows, int64_t n_rows, int64_t width, const float* const* x,
                     int64_t n_x, float* const* out);
    void (*dots_bf16)(const uint16_t* rows, int64_t n_rows, int64_t width, const float* const* x,
                      int64_t n_x, float* const* out);
    // The same over scattered rows, and x[j] = x + j * x_stride, out[j] = out + j * out_stride.
    void (*dots_scattered)(const float* const* rows, int64_t n_rows, int64_t width, const float* x,
                           int64_t x_stride, int64_t n_x, float* out, int64_t out_stride);
    // out[j][c] = sum_i weights[j * weights_stride + i] * rows[i][c], summed in the order of i:
    // continued, the same bits as one call over all rows.
    void (*weighted_sums)(Sums sums, const float* const* rows, int64_t n_rows, int64_t width,
                          const float* weights, int64_t weights_stride, int64_t n_out, float* out,
                          int64_t out_stride);
    // sum_i x[i]^2
    float (*sum_of_squares)(const float* x, int64_t n);
    const PanelOps* panels;  // products of the same instruction set over panels
    const RowOps* rows;      // widening of KV rows
    // As engine/kernels/index_panel.h says; null: the f32 products serve.
    void (*index_scores)(const IndexPanel& q, const uint16_t* const* keys, int64_t n_keys,
                         float* scores) = nullptr;
    void (*to_bf16)(const float* x, int64_t n, uint16_t* to) = nullptr;
};

const Ops& ops(Isa isa);  // no better one than best_isa()

}  // namespace engine::kernels
