#pragma once
// Attention of one token over its sliding window and the compressed rows it may see:
//     out[h] = sum_r p[h][r] * rows[r],  p[h] = softmax of sink[h] and scale * dot(q[h], rows[r])
//     for each r
// All query heads share one KV head, and a KV row is both key and value. The sink is a logit with
// no row behind it: it takes probability mass and adds nothing to the sum.
#include <cstdint>

#include "engine/kernels/ops.h"
#include "engine/kernels/row_format.h"

namespace engine::kernels {

constexpr int64_t kAttentionBlock = 64;  // stored rows widened at a time

struct SparseAttention {
    const float* q = nullptr;  // [n_heads, head_dim], RoPE applied
    int64_t n_heads = 0;
    int64_t head_dim = 0;
    // n_rows + n_stored >= 1: window oldest first, then compressed, none twice.
    const float* const* rows = nullptr;
    int64_t n_rows = 0;
    const std::byte* const* stored = nullptr;  // rows of `shape`, width head_dim
    int64_t n_stored = 0;
    RowShape shape;
    const float* sink = nullptr;  // [n_heads]
    float scale = 1;              // head_dim^-0.5
};

struct AttentionScratch {
    float* scores = nullptr;    // [n_heads, n_rows + n_stored]
    float* expanded = nullptr;  // [kAttentionBlock, head_dim], if there are stored rows
};

// Writes out[n_heads, head_dim]. Nothing aliases anything. A row counts the same, stored or plain.
// Runs on the calling thread; heads are independent, so callers split them.
void sparse_attention(const Ops& ops, const SparseAttention& in, const AttentionScratch& scratch,
                      float* out);

namespace ref {
void sparse_attention(const SparseAttention& in, float* out);
}  // namespace ref

}  // namespace engine::kernels
