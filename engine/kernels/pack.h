#pragma once
// From rows as they are stored to panels. q8_0, fp4, mxfp4 and bf16 keep every bit; other formats
// become q8 with one scale for each 32, nearest, or bf16.
#include "engine/kernels/matrix.h"
#include "engine/kernels/panels.h"

namespace engine::kernels {

// What the fast mode holds a matrix in. none: it stays in rows, because panels would take more than
// twice the memory.
PanelType panel_type(Dtype dtype);

// The power of two that keeps q8's f16 scales in range; 1 for other panels.
float panel_unit(const Matrix& from, PanelType type);

// Writes panels [begin, end) of n_panels(from.rows), panel_bytes(type, from.cols) each, to `to`,
// which is panel 0's place. unit as panel_unit() says. On the calling thread.
void pack(const Matrix& from, PanelType type, float unit, int64_t begin, int64_t end,
          std::byte* to);

}  // namespace engine::kernels
