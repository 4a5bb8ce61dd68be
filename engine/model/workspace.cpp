#include <algorithm>

#include "config/ensure.h"
#include "engine/kernels/indexer.h"
#include "engine/kernels/rope.h"
#include "engine/kernels/sparse_attention.h"
#include "engine/model/buffers.h"

namespace engine {
namespace {

template <class T>
int64_t bytes_of(const std::vector<T>& v) {
    return static_cast<int64_t>(v.capacity() * sizeof(T));
}

kernels::RopeParams rope_params(const RopeConfig& rope, int64_t n_rot) {
    return {rope.theta,     n_rot,          rope.yarn,          rope.factor,
            rope.beta_fast, rope.beta_slow, rope.n_ctx_original};
}

// The widest of what the layers need, and the most entries that a sequence of n_ctx tokens has.
struct Extent {
    int64_t comp_width = 0;       // of a token in the main compressor
    int64_t index_width = 0;      // in the indexer's
    int64_t n_entries = 0;        // of any layer
    int64_t n_index_entries = 0;  // of csa layers
    int64_t n_rows_attended = 0;
};

Extent extent_of(const ModelConfig& c, int64_t n_ctx) {
    Extent e;
    const int64_t n_window = std::min(c.n_window, n_ctx);
    e.n_rows_attended = n_window;
    for (const auto& layer : c.layers) {
        if (layer.attention == AttentionKind::sliding) continue;
        const bool csa = layer.attention == AttentionKind::csa;
        const int64_t n_entries = n_ctx / layer.compress_ratio;
        const int64_t n_attended = csa ? std::min(n_entries, c.indexer.top_k) : n_entries;
        e.comp_width = std::max(e.comp_width, csa ? 2 * c.head_dim : c.head_dim);
        e.n_entries = std::max(e.n_entries, n_entries);
        e.n_rows_attended = std::max(e.n_rows_attended, n_window + n_attended);
        if (!csa) continue;
        e.index_width = 2 * c.indexer.head_dim;
        e.n_index_entries = std::max(e.n_index_entries, n_entries);
    }
    return e;
}

template <class T>
void size(std::vector<T>& v, int64_t n) {
    v.resize(static_cast<size_t>(n));
}

void size_threads(const ModelConfig& c, const Extent& e, std::vector<ThreadScratch>& threads) {
    const int64_t n_heads = std::min(kAttentionHeads, c.n_heads);
    const bool indexed = e.index_width > 0;
    const int64_t n_index =
        indexed ? kernels::indexer_scratch(c.indexer.n_heads, c.indexer.head_dim) : 0;
    const int64_t n_expanded =
        std::max(kernels::kAttentionBlock * c.head_dim, indexed ? c.indexer.head_dim : 0);
    for (auto& thread : threads) {
        size(thread.rows, e.n_rows_attended);
        size(thread.stored, e.n_rows_attended);
        size(thread.expanded, n_expanded);
        size(thread.scores, std::max(n_heads * e.n_rows_attended, n_index));
        size(thread.keys, std::max(e.n_index_entries, c.n_experts));
        size(thread.biased, c.n_experts);
    }
}

}  // namespace

Rows::Rows(int64_t n, int64_t width)
    : numbers_(static_cast<size_t>(n * width)), pointers_(static_cast<size_t>(n)) {
    for (int64_t i = 0; i < n; ++i) pointers_[static_cast<size_t>(i)] = numbers_.data() + i * width;
}

int64_t Rows::bytes() const {
    return bytes_of(numbers_) + bytes_of(pointers_);
}

Workspace::Buffers::Buffers(const Model& model, kernels::ThreadPool& thread_pool,
                            const WorkspaceConfig& workspace)
    : config(model.config()),
      kinds(model.panel_kinds()),
      pool(thread_pool),
      ops(kernels::ops(workspace.isa)),
      rounded(model.roundings() == Roundings::official),
      has_index_panel(model.numerics() == Numerics::fast && ops.index_scores != nullptr &&
                      config.indexer.head_dim % 2 == 0),
      n_tokens_max(workspace.n_tokens_max),
      n_ctx(workspace.n_ctx) {
    ENSURE(n_tokens_max >= 1 && n_ctx >= 1);
    const ModelConfig& c = config;
    const int64_t n = n_tokens_max;
    const Extent extent = extent_of(c, n_ctx);
    size(tokens, n);
    size(chunk_begin, n);
    frequencies_main = kernels::rope_frequencies(rope_params(c.rope_main, c.n_rot));
    frequencies_compress = kernels::rope_frequencies(rope_params(c.rope_compress, c.n_rot));
    turns_main = Rows(n, c.n_rot);
    turns_compress = Rows(n, c.n_rot);

    streams = Rows(n, c.n_hc * c.n_embd);
    hc_raw = Rows(n, (2 + c.n_hc) * c.n_hc);
    size(hc, n);
    hidden = Rows(n, c.n_embd);
    if (rounded) hidden_rounded = Rows(n, c.n_embd);
    sub_out = Rows(n, c.n_embd);
    hidden_packed = PackedRows(n, c.n_embd, kinds);

    q_rank = Rows(n, c.q_lora_rank);
    q = Rows(n, c.n_heads * c.head_dim);
    kv = Rows(n, c.head_dim);
    comp_values = Rows(n, extent.comp_width);
    comp_gates = Rows(n, extent.comp_width);
    index_values = Rows(n, extent.index_width);
    index_gates = Rows(n, extent.index_width);
    const bool indexed = extent.index_width > 0;
    index_q = Rows(n, indexed ? c.indexer.n_heads * c.indexer.head_dim : 0);
    index_weights = Rows(n, indexed ? c.indexer.n_heads : 0);
    if (indexed && has_index_panel) {
        const int64_t n_pairs = kernels::index_panel_pairs(c.indexer.n_heads, c.indexer.head_dim);
        size(index_panels, n * n_pairs);
    }
    heads_out = Rows(n, c.n_heads * c.head_dim);
    group_out = Rows(n, c.o_groups * c.o_lora_rank);
    size(index_scores, kIndexTokens * extent.n_index_entries);
    size(chosen, indexed ? n * std::min(c.indexer.top_k, extent.n_index_entries) : 0);
    size(n_chosen, n);
    index_tokens.reserve(static_cast<size_t>(n));
    attention_tokens.reserve(static_cast<size_t>(n));
    q_rank_packed = PackedRows(n, c.q_lora_rank, kinds);
    group_packed = PackedRows(n, c.o_groups * c.o_lora_rank, kinds);
    heads_packed = PackedRows(c.o_groups * n, c.n_heads * c.head_dim / c.o_groups, kinds);
    size(group_in_pointers, c.o_groups * n);
    size(group_out_pointers, c.o_groups * n);

    const int64_t n_slots = n * c.n_experts_used;
    router = Rows(n, c.n_experts);
    size(experts, n_slots);
    size(weights, n_slots);
    size(slot_end, c.n_experts);
    size(slots, n_slots);
    gate = Rows(n_slots + n, c.n_ff);
    up = Rows(n_slots + n, c.n_ff);
    expert_out = Rows(n_slots + n, c.n_embd);
    gate_packed = PackedRows(n_slots + n, c.n_ff, kinds);
    slot_hidden = PackedPointers(n_slots, kinds);
    slot_middle = PackedPointers(n_slots, kinds);
    for (auto* pointers : {&slot_gate, &slot_up, &slot_out}) size(*pointers, n_slots);

    if (model.weights().mtp != nullptr) {
        mtp_streams = Rows(n * c.n_hc, c.n_embd);
        mtp_packed = PackedRows(n * c.n_hc, c.n_embd, kinds);
        size(mtp_stream_pointers, n * c.n_hc);
        mtp_chunks.reserve(static_cast<size_t>(n));
    }

    jobs.reserve(static_cast<size_t>(2 * c.n_experts + c.o_groups + 16));
    size(row_pointers, n);
    size(logit_pointers, n);
    threads.resize(static_cast<size_t>(pool.n_threads()));
    size_threads(c, extent, threads);
}

int64_t Workspace::Buffers::bytes() const {
    int64_t total =
        bytes_of(index_scores) + bytes_of(index_panels) + bytes_of(chosen) + bytes_of(hc);
    for (const Rows* rows : {&turns_main, &turns_compress, &streams,     &hc_raw,  &hidden,
                             &sub_out,    &q_rank,         &q,           &kv,      &comp_values,
                             &comp_gates, &index_values,   &index_gates, &index_q, &index_weights,
                             &heads_out,  &group_out,      &router,      &gate,    &up,
                             &expert_out, &hidden_rounded, &mtp_streams}) {
        total += rows->bytes();
    }
    for (const PackedRows* rows : {&hidden_packed, &q_rank_packed, &group_packed, &heads_packed,
                                   &gate_packed, &mtp_packed}) {
        total += rows->bytes();
    }
    for (const auto& thread : threads) {
        total += bytes_of(thread.scores) + bytes_of(thread.keys) + bytes_of(thread.expanded);
    }
    return total;
}

Workspace::Workspace(const Model& model, kernels::ThreadPool& pool, const WorkspaceConfig& config)
    : buffers_(std::make_unique<Buffers>(model, pool, config)) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

int64_t Workspace::n_tokens_max() const {
    return buffers_->n_tokens_max;
}
int64_t Workspace::bytes() const {
    return buffers_->bytes();
}

}  // namespace engine
