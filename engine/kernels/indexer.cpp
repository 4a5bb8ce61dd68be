#include "engine/kernels/indexer.h"

#include <algorithm>
#include <vector>

namespace engine::kernels {
namespace {

float weighted_relu(const float* weights, const float* dots, int64_t n) {
    constexpr int64_t kLanes = 8;
    float lanes[kLanes] = {};
    for (int64_t h = 0; h < n; h += kLanes) {
        const int64_t n_here = std::min(kLanes, n - h);
        for (int64_t i = 0; i < n_here; ++i) {
            lanes[i] += weights[h + i] * std::max(0.0f, dots[h + i]);
        }
    }
    float sum = 0;
    for (const float lane : lanes) sum += lane;
    return sum;
}

}  // namespace

void indexer_scores(const Ops& ops, const Indexer& in, int64_t begin, int64_t end, float* scratch,
                    float* scores) {
    const int64_t head_dim = in.keys.shape.width;
    const bool plain = in.keys.shape.format == RowFormat::f32;
    float* expanded = scratch + kIndexerBlock * in.n_heads;
    const float* keys[kIndexerBlock];
    float* dots[kIndexerBlock];
    for (int64_t i = 0; i < kIndexerBlock; ++i) {
        keys[i] = expanded + i * head_dim;
        dots[i] = scratch + i * in.n_heads;
    }
    for (int64_t block = begin; block < end; block += kIndexerBlock) {
        const int64_t n = std::min(kIndexerBlock, end - block);
        for (int64_t i = 0; i < n; ++i) {
            const std::byte* key = in.keys.row(block + i);
            if (plain) {
                keys[i] = reinterpret_cast<const float*>(key);
            } else {
                expand_row(*ops.rows, in.keys.shape, key, expanded + i * head_dim);
            }
        }
        ops.dots_f32(in.q, in.n_heads, head_dim, keys, n, dots);
        for (int64_t i = 0; i < n; ++i) {
            scores[block + i] = weighted_relu(in.weights, dots[i], in.n_heads);
        }
    }
}

void indexer_scores(const Ops& ops, const IndexPanel& q, const StoredRows& keys, int64_t begin,
                    int64_t end, float* scratch, float* scores) {
    const bool plain = keys.shape.format == RowFormat::bf16;
    float* expanded = scratch;
    auto* rounded = reinterpret_cast<uint16_t*>(scratch + q.width);
    const uint16_t* rows[kIndexerBlock];
    for (int64_t block = begin; block < end; block += kIndexerBlock) {
        const int64_t n = std::min(kIndexerBlock, end - block);
        for (int64_t i = 0; i < n; ++i) {
            const std::byte* key = keys.row(block + i);
            if (plain) {
                rows[i] = reinterpret_cast<const uint16_t*>(key);
            } else {
                // e2m1 under a power of two is a bf16 number: nothing is lost.
                expand_row(*ops.rows, keys.shape, key, expanded);
                ops.to_bf16(expanded, q.width, rounded + i * q.width);
                rows[i] = rounded + i * q.width;
            }
        }
        ops.index_scores(q, rows, n, scores + block);
    }
}

namespace ref {

void indexer_scores(const Indexer& in, int64_t begin, int64_t end, float* scores) {
    const int64_t head_dim = in.keys.shape.width;
    std::vector<float> key(static_cast<size_t>(head_dim));
    for (int64_t w = begin; w < end; ++w) {
        expand_row(kRowOpsPortable, in.keys.shape, in.keys.row(w), key.data());
        double score = 0;
        for (int64_t h = 0; h < in.n_heads; ++h) {
            double dot = 0;
            for (int64_t i = 0; i < head_dim; ++i) {
                dot += static_cast<double>(in.q[h * head_dim + i]) *
                       static_cast<double>(key[static_cast<size_t>(i)]);
            }
            score += static_cast<double>(in.weights[h]) * std::max(0.0, dot);
        }
        scores[w] = static_cast<float>(score);
    }
}

}  // namespace ref
}  // namespace engine::kernels
