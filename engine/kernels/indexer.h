#pragma once
// Lightning indexer of CSA layers: how much a query wants each compressed entry,
//     score[w] = sum_h weights[h] * max(0, dot(q[h], keys[w]))
#include <cstdint>

#include "engine/kernels/index_panel.h"
#include "engine/kernels/ops.h"
#include "engine/kernels/row_format.h"

namespace engine::kernels {

constexpr int64_t kIndexerBlock = 64;  // keys at a time

struct Indexer {
    const float* q = nullptr;  // [n_heads, head_dim], RoPE applied
    const float* weights =
        nullptr;      // [n_heads], scaled by (n_heads * head_dim)^-0.5; may be negative
    StoredRows keys;  // n_keys of width head_dim; f32 ones aligned to 4 bytes
    int64_t n_heads = 0;
};

// Numbers of indexer_scores()'s scratch.
constexpr int64_t indexer_scratch(int64_t n_heads, int64_t head_dim) {
    return kIndexerBlock * (n_heads + head_dim);
}

// Writes scores[w] for w in [begin, end). On the calling thread.
void indexer_scores(const Ops& ops, const Indexer& in, int64_t begin, int64_t end, float* scratch,
                    float* scores);

// The same of query heads in a panel, for ops that have index_scores and keys that are not f32.
void indexer_scores(const Ops& ops, const IndexPanel& q, const StoredRows& keys, int64_t begin,
                    int64_t end, float* scratch, float* scores);

namespace ref {
void indexer_scores(const Indexer& in, int64_t begin, int64_t end, float* scores);
}  // namespace ref

}  // namespace engine::kernels
