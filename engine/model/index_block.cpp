#include <algorithm>
#include <cmath>

#include "engine/kernels/fp4.h"
#include "engine/kernels/indexer.h"
#include "engine/kernels/rope.h"
#include "engine/kernels/top_k.h"
#include "engine/model/buffers.h"

namespace engine {
namespace {

struct Choice {
    Workspace::Buffers& b;
    int64_t layer;

    int64_t ratio() const { return b.config.layers[static_cast<size_t>(layer)].compress_ratio; }
    const BatchToken& token(int64_t t) const { return b.tokens[static_cast<size_t>(t)]; }
    int64_t n_visible(int64_t t) const { return (token(t).pos + 1) / ratio(); }
    int64_t n_max() const {  // stride of b.index_scores and b.chosen
        return static_cast<int64_t>(b.index_scores.size()) / kIndexTokens;
    }
    int64_t chosen_stride() const { return std::min(b.config.indexer.top_k, n_max()); }
    float* scores(int64_t i) const { return b.index_scores.data() + i * n_max(); }
    uint32_t* panel(int64_t t) const {
        const IndexerConfig& indexer = b.config.indexer;
        return b.index_panels.data() +
               t * kernels::index_panel_pairs(indexer.n_heads, indexer.head_dim);
    }
    kernels::StoredRows keys(int64_t t) const {
        const SequenceChunk& chunk = b.chunks[static_cast<size_t>(token(t).chunk)];
        return chunk.kv->layer(layer).indexer_keys.stored();
    }
    bool by_panel(int64_t t) const {
        return b.has_index_panel && keys(t).shape.format != kernels::RowFormat::f32;
    }

    void prepare(int64_t t) const;
    void score(int64_t t, int64_t begin, int64_t end, int thread, float* scores) const;
    void choose(int64_t t, const float* scores, int thread) const;
};

// Turns the query heads and scales the head weights, in place.
void Choice::prepare(int64_t t) const {
    const IndexerConfig& indexer = b.config.indexer;
    const int64_t n_rot = b.config.n_rot;
    for (int64_t h = 0; h < indexer.n_heads; ++h) {
        kernels::rope_rotate(b.turns_compress[t], n_rot,
                             b.index_q[t] + (h + 1) * indexer.head_dim - n_rot);
        float* q = b.index_q[t] + h * indexer.head_dim;
        if (b.rounded) {
            round_index_row(b.config, q);
        } else if (turns_index(b, token(t).chunk)) {
            kernels::hadamard(q, indexer.head_dim);
        }
    }
    const float scale = 1.0f / std::sqrt(static_cast<float>(indexer.n_heads * indexer.head_dim));
    for (int64_t h = 0; h < indexer.n_heads; ++h) b.index_weights[t][h] *= scale;
    if (by_panel(t)) {
        kernels::pack_index_panel(b.index_q[t], indexer.n_heads, indexer.head_dim, panel(t));
    }
}

void Choice::score(int64_t t, int64_t begin, int64_t end, int thread, float* scores) const {
    const IndexerConfig& indexer = b.config.indexer;
    float* scratch = b.threads[static_cast<size_t>(thread)].scores.data();
    if (by_panel(t)) {
        const kernels::IndexPanel q{panel(t), b.index_weights[t], indexer.n_heads,
                                    indexer.head_dim};
        kernels::indexer_scores(b.ops, q, keys(t), begin, end, scratch, scores);
    } else {
        const kernels::Indexer in{b.index_q[t], b.index_weights[t], keys(t), indexer.n_heads};
        kernels::indexer_scores(b.ops, in, begin, end, scratch, scores);
    }
}

// Ascending, so that attention reads forward.
void Choice::choose(int64_t t, const float* scores, int thread) const {
    int32_t* chosen = b.chosen.data() + t * chosen_stride();
    const int64_t n = kernels::top_k(scores, n_visible(t), b.config.indexer.top_k,
                                     b.threads[static_cast<size_t>(thread)].keys.data(), chosen);
    std::sort(chosen, chosen + n);
    b.n_chosen[static_cast<size_t>(t)] = n;
}

}  // namespace

void choose_entries(const LayerWeights&, int64_t layer, Workspace::Buffers& b) {
    const Choice choice{b, layer};
    b.index_tokens.clear();
    for (int64_t t = 0; t < b.n_tokens; ++t) {
        const bool all = choice.n_visible(t) <= b.config.indexer.top_k;
        b.n_chosen[static_cast<size_t>(t)] = kAllEntries;
        if (!all) b.index_tokens.push_back(t);
    }
    const auto n_choosing = static_cast<int64_t>(b.index_tokens.size());
    b.pool.run(n_choosing,
               [&](int64_t i, int) { choice.prepare(b.index_tokens[static_cast<size_t>(i)]); });
    for (int64_t begin = 0; begin < n_choosing; begin += kIndexTokens) {
        const int64_t n = std::min(kIndexTokens, n_choosing - begin);
        const int64_t* tokens = b.index_tokens.data() + begin;
        int64_t n_keys = 0;
        for (int64_t i = 0; i < n; ++i) n_keys = std::max(n_keys, choice.n_visible(tokens[i]));
        const int64_t n_pieces = (n_keys + kIndexKeysPerItem - 1) / kIndexKeysPerItem;
        b.pool.run(n * n_pieces, [&](int64_t item, int thread) {
            const int64_t i = item / n_pieces;
            const int64_t first = item % n_pieces * kIndexKeysPerItem;
            const int64_t last = std::min(first + kIndexKeysPerItem, choice.n_visible(tokens[i]));
            if (first < last) choice.score(tokens[i], first, last, thread, choice.scores(i));
        });
        b.pool.run(
            n, [&](int64_t i, int thread) { choice.choose(tokens[i], choice.scores(i), thread); });
    }
}

}  // namespace engine
