#pragma once
// Attention of one token over its sliding window and the compressed rows it may see:
//     out[h] = sum_r p[h][r] * rows[r],  p[h] = softmax of sink[h] and scale * dot(q[h], rows[r])
//     for each r
// All query heads share one KV head, and a KV row is both key and value. The sink is a logit with
// no row behind it: it takes probability mass and adds nothing to the sum.
#include <cstdint>

#include "engine/kernels/ops.h"

namespace engine::kernels {

struct SparseAttention {
    const float* q = nullptr;  // [n_heads, head_dim], RoPE applied
    int64_t n_heads = 0;
    int64_t head_dim = 0;
    const float* const* rows =
        nullptr;  // n_rows >= 1: window oldest first, then compressed, none twice
    int64_t n_rows = 0;
    const float* sink = nullptr;  // [n_heads]
    float scale = 1;              // head_dim^-0.5
};

// Writes out[n_heads, head_dim]. scores: scratch, [n_heads, n_rows]. Neither aliases anything. Runs
// on the calling thread; heads are independent, so callers split them.
void sparse_attention(const Ops& ops, const SparseAttention& in, float* scores, float* out);

namespace ref {
void sparse_attention(const SparseAttention& in, float* out);
}  // namespace ref

}  // namespace engine::kernels
