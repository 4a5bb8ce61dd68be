#include "engine/kernels/sparse_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace engine::kernels {
namespace {

// Scores to probabilities, in place.
void softmax_with_sink(float* scores, int64_t n, float scale, float sink) {
    float top = sink;
    for (int64_t r = 0; r < n; ++r) {
        scores[r] *= scale;
        top = std::max(top, scores[r]);
    }
    float sum = std::exp(sink - top);
    for (int64_t r = 0; r < n; ++r) {
        scores[r] = std::exp(scores[r] - top);
        sum += scores[r];
    }
    const float norm = 1.0f / sum;
    for (int64_t r = 0; r < n; ++r) scores[r] *= norm;
}

// Stored rows, widened block by block: body(first, n, rows) for rows [first, first + n).
template <class Body>
void for_stored_blocks(const Ops& ops, const SparseAttention& in, float* expanded,
                       const Body& body) {
    const float* rows[kAttentionBlock];
    for (int64_t i = 0; i < kAttentionBlock; ++i) rows[i] = expanded + i * in.head_dim;
    for (int64_t first = 0; first < in.n_stored; first += kAttentionBlock) {
        const int64_t n = std::min(kAttentionBlock, in.n_stored - first);
        for (int64_t i = 0; i < n; ++i) {
            expand_row(*ops.rows, in.shape, in.stored[first + i], expanded + i * in.head_dim);
        }
        body(first, n, rows);
    }
}

}  // namespace

void sparse_attention(const Ops& ops, const SparseAttention& in, const AttentionScratch& scratch,
                      float* out) {
    const int64_t n_all = in.n_rows + in.n_stored;
    const auto score = [&](const float* const* rows, int64_t n, float* scores) {
        ops.dots_scattered(rows, n, in.head_dim, in.q, in.head_dim, in.n_heads, scores, n_all);
    };
    score(in.rows, in.n_rows, scratch.scores);
    for_stored_blocks(ops, in, scratch.expanded,
                      [&](int64_t first, int64_t n, const float* const* rows) {
                          score(rows, n, scratch.scores + in.n_rows + first);
                      });
    for (int64_t h = 0; h < in.n_heads; ++h) {
        softmax_with_sink(scratch.scores + h * n_all, n_all, in.scale, in.sink[h]);
    }
    ops.weighted_sums(Sums::fresh, in.rows, in.n_rows, in.head_dim, scratch.scores, n_all,
                      in.n_heads, out, in.head_dim);
    for_stored_blocks(ops, in, scratch.expanded,
                      [&](int64_t first, int64_t n, const float* const* rows) {
                          ops.weighted_sums(Sums::continued, rows, n, in.head_dim,
                                            scratch.scores + in.n_rows + first, n_all, in.n_heads,
                                            out, in.head_dim);
                      });
}

namespace ref {

void sparse_attention(const SparseAttention& in, float* out) {
    const int64_t n_all = in.n_rows + in.n_stored;
    std::vector<float> rows(static_cast<size_t>(n_all * in.head_dim));
    const auto row = [&](int64_t r) { return rows.data() + r * in.head_dim; };
    for (int64_t r = 0; r < in.n_rows; ++r) std::copy_n(in.rows[r], in.head_dim, row(r));
    for (int64_t r = 0; r < in.n_stored; ++r) {
        expand_row(kRowOpsPortable, in.shape, in.stored[r], row(in.n_rows + r));
    }
    std::vector<double> p(static_cast<size_t>(n_all));
    for (int64_t h = 0; h < in.n_heads; ++h) {
        double top = static_cast<double>(in.sink[h]);
        for (int64_t r = 0; r < n_all; ++r) {
            double dot = 0;
            for (int64_t i = 0; i < in.head_dim; ++i) {
                dot +=
                    static_cast<double>(in.q[h * in.head_dim + i]) * static_cast<double>(row(r)[i]);
            }
            p[static_cast<size_t>(r)] = dot * static_cast<double>(in.scale);
            top = std::max(top, p[static_cast<size_t>(r)]);
        }
        double sum = std::exp(static_cast<double>(in.sink[h]) - top);
        for (double& x : p) sum += x = std::exp(x - top);
        for (int64_t i = 0; i < in.head_dim; ++i) {
            double o = 0;
            for (int64_t r = 0; r < n_all; ++r) {
                o += p[static_cast<size_t>(r)] * static_cast<double>(row(r)[i]);
            }
            out[h * in.head_dim + i] = static_cast<float>(o / sum);
        }
    }
}

}  // namespace ref
}  // namespace engine::kernels
