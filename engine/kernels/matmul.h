#pragma once
// Products of weight matrices with the vectors of several tokens.
#include <cstdint>
#include <span>

#include "engine/kernels/matrix.h"
#include "engine/kernels/ops.h"
#include "engine/kernels/thread_pool.h"

namespace engine::kernels {

// y[j] = w x[j] for j < n: x[j] has w.cols numbers, y[j] w.rows. Vectors lie anywhere; no y aliases
// an x.
struct MatmulJob {
    Matrix w;
    const float* const* x = nullptr;
    float* const* y = nullptr;
    int64_t n = 0;  // 0: nothing to do

    int64_t items_end = 0;  // matmul()'s own
};

// All jobs in one fork-join, split over weight rows. The sum of one element depends on w.cols only,
// so neither n nor the company of other jobs changes a bit. Allocates nothing.
void matmul(ThreadPool& pool, const Ops& ops, std::span<MatmulJob> jobs);

namespace ref {
// y = w x with double sums.
void matvec(const Matrix& w, const float* x, float* y);
}  // namespace ref

}  // namespace engine::kernels
