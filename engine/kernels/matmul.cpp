#include "engine/kernels/matmul.h"

#include <algorithm>

#include "config/ensure.h"
#include "engine/kernels/dequantise.h"
#include "engine/kernels/panel_ops.h"
#include "engine/kernels/quantised_dots.h"

namespace engine::kernels {
namespace {

// Enough work that taking an item costs nothing, little enough that two cores end together.
constexpr int64_t kItemBytes = 64 * 1024;
constexpr int64_t kItemRowsMin = 4;

int64_t rows_per_item(const Matrix& w, int64_t n) {
    // With many tokens a row is worth more time: smaller pieces keep the threads even.
    const int64_t bytes = std::max<int64_t>(kItemBytes / std::max<int64_t>(1, n / 4), 1);
    if (w.panels.type != PanelType::none) {
        // Pairs of panels, which wide tiles take at once.
        const int64_t n_pairs = bytes / (2 * panel_bytes(w.panels.type, w.cols));
        return std::max<int64_t>(1, n_pairs) * 2 * kPanelRows;
    }
    const int64_t row_bytes = bytes_of(w.dtype, w.cols);
    return std::max(kItemRowsMin, bytes / std::max<int64_t>(row_bytes, 1));
}

void run_panels(const PanelOps& ops, const MatmulJob& job, int64_t begin, int64_t end, float** y) {
    const Panels& panels = job.w.panels;
    PanelProduct product{panels.data + begin / kPanelRows * panel_bytes(panels.type, job.w.cols),
                         end - begin,
                         job.w.cols,
                         panels.unit,
                         job.x.quantised,
                         job.n,
                         y};
    if (panels.type == PanelType::q8) return ops.multiply_q8(product);
    if (panels.type == PanelType::fp4) return ops.multiply_fp4(product);
    product.x = job.x.rounded;
    ops.multiply_bf16(product);
}

void run_rows(const Ops& ops, const MatmulJob& job, int64_t begin, int64_t end, float** y) {
    for (int64_t j = 0; j < job.n; ++j) y[j] = job.y[j] + begin;
    if (job.w.panels.type != PanelType::none) {
        run_panels(*ops.panels, job, begin, end, y);
    } else if (job.w.dtype == Dtype::f32) {
        ops.dots_f32(static_cast<const float*>(job.w.row(begin)), end - begin, job.w.cols, job.x.x,
                     job.n, y);
    } else if (job.w.dtype == Dtype::bf16) {
        ops.dots_bf16(static_cast<const uint16_t*>(job.w.row(begin)), end - begin, job.w.cols,
                      job.x.x, job.n, y);
    } else {
        quantised_dots(job.w.row_range(begin, end), job.x.x, job.n, y);
    }
}

// Bounds the pointers on the stack; a multiple of every tile.
constexpr int64_t kTokensPerCall = kQuantisedDotsMax;

void run_item(const Ops& ops, const MatmulJob& job, int64_t item) {
    const int64_t step = rows_per_item(job.w, job.n);
    const int64_t begin = item * step;
    const int64_t end = std::min(begin + step, job.w.rows);
    float* y[kTokensPerCall];
    MatmulJob part = job;
    for (int64_t j = 0; j < job.n; j += kTokensPerCall) {
        part.x = job.x.from(j);
        part.y = job.y + j;
        part.n = std::min(kTokensPerCall, job.n - j);
        run_rows(ops, part, begin, end, y);
    }
}

}  // namespace

void matmul(ThreadPool& pool, const Ops& ops, std::span<MatmulJob> jobs) {
    int64_t n_items = 0;
    for (auto& job : jobs) {
        ENSURE(job.n == 0 || job.w.panels.type == PanelType::none ||
               (job.w.panels.type == PanelType::bf16 ? job.x.rounded : job.x.quantised) != nullptr);
        const int64_t step = rows_per_item(job.w, job.n);
        if (job.n > 0) n_items += (job.w.rows + step - 1) / step;
        job.items_end = n_items;
    }
    pool.run(n_items, [&](int64_t item, int) {
        const auto job = std::upper_bound(jobs.begin(), jobs.end(), item,
                                          [](int64_t wanted, const MatmulJob& candidate) {
                                              return wanted < candidate.items_end;
                                          });
        const int64_t first = job == jobs.begin() ? 0 : (job - 1)->items_end;
        run_item(ops, *job, item - first);
    });
}

namespace ref {

void matvec(const Matrix& w, const float* x, float* y) {
    float numbers[kDequantiseStep];
    for (int64_t i = 0; i < w.rows; ++i) {
        double sum = 0;
        for (int64_t begin = 0; begin < w.cols; begin += kDequantiseStep) {
            const int64_t end = std::min(begin + kDequantiseStep, w.cols);
            dequantise(w, i, begin, end, numbers);
            for (int64_t c = begin; c < end; ++c) {
                sum += static_cast<double>(numbers[c - begin]) * static_cast<double>(x[c]);
            }
        }
        y[i] = static_cast<float>(sum);
    }
}

}  // namespace ref
}  // namespace engine::kernels
