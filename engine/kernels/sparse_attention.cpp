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

}  // namespace

void sparse_attention(const Ops& ops, const SparseAttention& in, float* scores, float* out) {
    ops.dots_scattered(in.rows, in.n_rows, in.head_dim, in.q, in.head_dim, in.n_heads, scores,
                       in.n_rows);
    for (int64_t h = 0; h < in.n_heads; ++h) {
        softmax_with_sink(scores + h * in.n_rows, in.n_rows, in.scale, in.sink[h]);
    }
    ops.weighted_sums(in.rows, in.n_rows, in.head_dim, scores, in.n_rows, in.n_heads, out,
                      in.head_dim);
}

namespace ref {

void sparse_attention(const SparseAttention& in, float* out) {
    std::vector<double> p(static_cast<size_t>(in.n_rows));
    for (int64_t h = 0; h < in.n_heads; ++h) {
        double top = static_cast<double>(in.sink[h]);
        for (int64_t r = 0; r < in.n_rows; ++r) {
            double dot = 0;
            for (int64_t i = 0; i < in.head_dim; ++i) {
                dot += static_cast<double>(in.q[h * in.head_dim + i]) *
                       static_cast<double>(in.rows[r][i]);
            }
            p[static_cast<size_t>(r)] = dot * static_cast<double>(in.scale);
            top = std::max(top, p[static_cast<size_t>(r)]);
        }
        double sum = std::exp(static_cast<double>(in.sink[h]) - top);
        for (double& x : p) sum += x = std::exp(x - top);
        for (int64_t i = 0; i < in.head_dim; ++i) {
            double o = 0;
            for (int64_t r = 0; r < in.n_rows; ++r) {
                o += p[static_cast<size_t>(r)] * static_cast<double>(in.rows[r][i]);
            }
            out[h * in.head_dim + i] = static_cast<float>(o / sum);
        }
    }
}

}  // namespace ref
}  // namespace engine::kernels
