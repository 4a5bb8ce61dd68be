#pragma once
// Products of weight matrices with the vectors of several tokens.
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/kernels/matrix.h"
#include "engine/kernels/ops.h"
#include "engine/kernels/thread_pool.h"

namespace engine::kernels {

// Vectors that lie anywhere, as numbers and, where a matrix in panels reads them, as its panels
// take them (engine/kernels/panels.h).
struct MatmulInput {
    const float* const* x = nullptr;
    const std::byte* const* quantised = nullptr;  // for q8 and fp4
    const std::byte* const* rounded = nullptr;    // for bf16

    MatmulInput() = default;
    MatmulInput(const float* const* numbers, const std::byte* const* quantised_rows = nullptr,
                const std::byte* const* rounded_rows = nullptr)
        : x(numbers), quantised(quantised_rows), rounded(rounded_rows) {}
    MatmulInput from(int64_t i) const {
        return {x + i, quantised == nullptr ? nullptr : quantised + i,
                rounded == nullptr ? nullptr : rounded + i};
    }
};

// y[j] = w x[j] for j < n: x[j] has w.cols numbers, y[j] w.rows. No y aliases an x.
struct MatmulJob {
    Matrix w;
    MatmulInput x;
    float* const* y = nullptr;
    int64_t n = 0;  // 0: nothing to do

    int64_t items_end = 0;  // matmul()'s own
};

// All jobs in one fork-join, split over weight rows; panels where a matrix has them. The sum of one
// element depends on w.cols only, so neither n nor the company of other jobs changes a bit.
// Allocates nothing.
void matmul(ThreadPool& pool, const Ops& ops, std::span<MatmulJob> jobs);

namespace ref {
// y = w x with double sums.
void matvec(const Matrix& w, const float* x, float* y);
}  // namespace ref

}  // namespace engine::kernels
