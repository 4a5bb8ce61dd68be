#pragma once
// Products over panels, as tables of functions, one table an instruction set, chosen with Ops. The
// result of a row and a token depends on the two alone: not on the tile, the batch or the thread.
// Integer sums are the same everywhere, so tables differ at most in whether a product is fused with
// its sum.
#include <cstddef>
#include <cstdint>

#include "engine/kernels/ops.h"
#include "engine/kernels/panels.h"

namespace engine::kernels {

// y[j][i] = row i . x[j] for i < rows, j < n.
struct PanelProduct {
    const std::byte* panels = nullptr;  // ceil(rows / 16) of them
    int64_t rows = 0;
    int64_t cols = 0;
    float unit = 1;
    const std::byte* const* x = nullptr;  // quantised or rounded rows, 64-byte aligned
    int64_t n = 0;
    float* const* y = nullptr;  // [rows] each; aliases nothing
};

struct PanelOps {
    void (*multiply_q8)(const PanelProduct& in);
    void (*multiply_fp4)(const PanelProduct& in);
    void (*multiply_bf16)(const PanelProduct& in);
    // x[cols] to QuantisedRow, or to bf16 (nearest even), padding included.
    void (*quantise)(const float* x, int64_t cols, std::byte* row);
    void (*round)(const float* x, int64_t cols, std::byte* row);
};

const PanelOps& panel_ops(Isa isa);  // only what this processor has

extern const PanelOps kPanelOpsPortable;
#if defined(__x86_64__)
extern const PanelOps kPanelOpsAvx2;
extern const PanelOps kPanelOpsAvx512;
extern const PanelOps kPanelOpsAvx512Bf16;
// What the last two share.
void multiply_q8_avx512(const PanelProduct& in);
void multiply_fp4_avx512(const PanelProduct& in);
void quantise_avx512(const float* x, int64_t cols, std::byte* row);
#endif

namespace ref {
// Double sums of the same quantised numbers.
void multiply(PanelType type, const PanelProduct& in);
// Weight (row, col) of a matrix in panels.
double panel_weight(PanelType type, const PanelProduct& in, int64_t row, int64_t col);
// Activation `col` of a quantised or rounded row.
double activation(PanelType type, const std::byte* x, int64_t cols, int64_t col);
}  // namespace ref

}  // namespace engine::kernels
