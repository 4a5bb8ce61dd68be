#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/kernels/rms_norm.h"
#include "engine/kernels/rope.h"
#include "engine/kernels/sparse_attention.h"
#include "engine/model/buffers.h"

namespace engine {
namespace {

using RoundRow = void (*)(const ModelConfig& config, float* row);

class Attention {
public:
    Attention(const LayerWeights& w, const LayerPlace& place, Workspace::Buffers& b)
        : w_(w), layer_(place.layer), b_(b), c_(b.config), shape_(place.shape) {}

    void run(ForwardTrace* trace);

private:
    bool csa() const { return shape_.attention == AttentionKind::csa; }
    bool compressed() const { return shape_.attention != AttentionKind::sliding; }
    Rows& turns() { return compressed() ? b_.turns_compress : b_.turns_main; }
    const std::vector<float>& frequencies() const { return b_.frequencies_compress; }
    const BatchToken& token(int64_t t) const { return b_.tokens[static_cast<size_t>(t)]; }
    LayerKv& kv(int64_t chunk) { return b_.chunks[static_cast<size_t>(chunk)].kv->layer(layer_); }
    int64_t n_chunks() const { return static_cast<int64_t>(b_.chunks.size()); }
    int64_t chunk_size(int64_t chunk) const {
        return static_cast<int64_t>(b_.chunks[static_cast<size_t>(chunk)].tokens.size());
    }

    void project_hidden();
    void norm_token(int64_t t);
    void compress(int64_t chunk, CompressedRows& rows, Rows& values, Rows& gates,
                  const CompressorWeights& w, RoundRow round_row, int thread);
    void project_queries();
    bool push_block(int64_t round);
    void attend(const AttentionToken& at, int64_t head, int64_t n_heads, int thread);
    kernels::SparseAttention gather_rows(const AttentionToken& at, ThreadScratch& scratch);
    void attend_all();
    void project_out();
    std::span<const int32_t> chosen(int64_t t) const;

    const LayerWeights& w_;
    const int64_t layer_;
    Workspace::Buffers& b_;
    const ModelConfig& c_;
    const LayerConfig& shape_;
};

// Everything that reads the sublayer's input.
void Attention::project_hidden() {
    const int64_t n = b_.n_tokens;
    const AttentionWeights& a = w_.attn;
    b_.jobs.clear();
    b_.jobs.push_back(job(a.wq_a, b_.quantised_input(), b_.hidden_packed, b_.q_rank, n));
    b_.jobs.push_back(job(a.wkv, b_.quantised_input(), b_.hidden_packed, b_.kv, n));
    if (compressed()) {
        b_.jobs.push_back(job(a.compressor.wkv, b_.hidden, b_.hidden_packed, b_.comp_values, n));
        b_.jobs.push_back(job(a.compressor.wgate, b_.hidden, b_.hidden_packed, b_.comp_gates, n));
    }
    if (csa()) {
        b_.jobs.push_back(
            job(a.indexer.compressor.wkv, b_.hidden, b_.hidden_packed, b_.index_values, n));
        b_.jobs.push_back(
            job(a.indexer.compressor.wgate, b_.hidden, b_.hidden_packed, b_.index_gates, n));
        b_.jobs.push_back(
            job(a.indexer.weights_proj, b_.hidden, b_.hidden_packed, b_.index_weights, n));
    }
    kernels::matmul(b_.pool, b_.ops, b_.jobs);
}

void Attention::norm_token(int64_t t) {
    kernels::rms_norm(b_.ops, b_.q_rank[t], w_.attn.q_norm, c_.q_lora_rank, c_.rms_eps,
                      b_.q_rank[t]);
    kernels::rms_norm(b_.ops, b_.kv[t], w_.attn.kv_norm, c_.head_dim, c_.rms_eps, b_.kv[t]);
    kernels::rope_rotate(turns()[t], c_.n_rot, b_.kv[t] + c_.head_dim - c_.n_rot);
    if (b_.rounded) {
        round_input(b_.q_rank[t], c_.q_lora_rank);
        round_kv_row(c_, b_.kv[t]);
    }
    const SequenceChunk& chunk = b_.chunks[static_cast<size_t>(token(t).chunk)];
    kernels::round_row(chunk.kv->row_shape(), b_.kv[t]);
    b_.q_rank_packed.pack(b_.ops, t, b_.q_rank[t]);
}

// Pushes a chunk's tokens in order; windows that close become rows, normalised and turned at the
// position of their first token.
void Attention::compress(int64_t chunk, CompressedRows& rows, Rows& values, Rows& gates,
                         const CompressorWeights& w, RoundRow round_row, int thread) {
    const int64_t first = b_.chunk_begin[static_cast<size_t>(chunk)];
    const int64_t ratio = shape_.compress_ratio;
    const int64_t width = rows.shape.width;
    float turns[kernels::kRotMax];
    float* row = b_.threads[static_cast<size_t>(thread)].expanded.data();
    for (int64_t t = first; t < first + chunk_size(chunk); ++t) {
        const int64_t pos = token(t).pos;
        if (!kernels::compressor_push(rows.state, pos, values[t], gates[t], w.ape, row)) continue;
        kernels::rms_norm(b_.ops, row, w.norm, width, c_.rms_eps, row);
        kernels::rope_turns(frequencies(), pos / ratio * ratio, turns);
        kernels::rope_rotate(turns, c_.n_rot, row + width - c_.n_rot);
        if (round_row != nullptr) round_row(c_, row);
        kernels::store_row(rows.shape, row, rows.row(pos / ratio));
    }
}

void Attention::project_queries() {
    b_.jobs.clear();
    b_.jobs.push_back(job(w_.attn.wq_b, b_.q_rank, b_.q_rank_packed, b_.q, b_.n_tokens));
    if (csa())
        b_.jobs.push_back(
            job(w_.attn.indexer.wq_b, b_.q_rank, b_.q_rank_packed, b_.index_q, b_.n_tokens));
    kernels::matmul(b_.pool, b_.ops, b_.jobs);
}

// Block `round` of every chunk goes into its window, and its tokens into b_.attention_tokens.
// False: none left.
bool Attention::push_block(int64_t round) {
    b_.attention_tokens.clear();
    for (int64_t chunk = 0; chunk < n_chunks(); ++chunk) {
        const int64_t begin = round * c_.n_window;
        const int64_t n = std::min(chunk_size(chunk) - begin, c_.n_window);
        if (n <= 0) continue;
        const int64_t first = b_.chunk_begin[static_cast<size_t>(chunk)] + begin;
        float* rows = kv(chunk).window.append(n);
        for (int64_t i = 0; i < n; ++i) {
            std::copy_n(b_.kv[first + i], c_.head_dim, rows + i * c_.head_dim);
            b_.attention_tokens.push_back({first + i, n - 1 - i});
        }
    }
    return !b_.attention_tokens.empty();
}

// Entries of the token's choice; kAllEntries stands for every visible one.
std::span<const int32_t> Attention::chosen(int64_t t) const {
    const auto stride = static_cast<int64_t>(b_.chosen.size()) / b_.n_tokens_max;
    return {b_.chosen.data() + t * stride,
            static_cast<size_t>(b_.n_chosen[static_cast<size_t>(t)])};
}

// The rows that a token attends to, and where they are: f32 entries need no widening.
kernels::SparseAttention Attention::gather_rows(const AttentionToken& at, ThreadScratch& scratch) {
    const BatchToken& t = token(at.token);
    LayerKv& state = kv(t.chunk);
    kernels::SparseAttention in;
    in.rows = scratch.rows.data();
    in.stored = scratch.stored.data();
    for (int64_t i = std::min(c_.n_window, t.pos + 1) - 1; i >= 0; --i) {
        scratch.rows[static_cast<size_t>(in.n_rows++)] = state.window.row(at.back + i);
    }
    if (!compressed()) return in;
    in.shape = state.entries.shape;
    const bool plain = in.shape.format == kernels::RowFormat::f32;
    const auto add = [&](int64_t entry) {
        const std::byte* row = state.entries.row(entry);
        if (plain) {
            scratch.rows[static_cast<size_t>(in.n_rows++)] = reinterpret_cast<const float*>(row);
        } else {
            scratch.stored[static_cast<size_t>(in.n_stored++)] = row;
        }
    };
    if (b_.n_chosen[static_cast<size_t>(at.token)] == kAllEntries) {
        const int64_t n_visible = (t.pos + 1) / shape_.compress_ratio;
        for (int64_t entry = 0; entry < n_visible; ++entry) add(entry);
    } else {
        for (const int32_t entry : chosen(at.token)) add(entry);
    }
    return in;
}

// Heads [head, head + n_heads) of one token: norm, turn, attend, turn back.
void Attention::attend(const AttentionToken& at, int64_t head, int64_t n_heads, int thread) {
    ThreadScratch& scratch = b_.threads[static_cast<size_t>(thread)];
    const int64_t n_still = c_.head_dim - c_.n_rot;
    const float* turns_here = turns()[at.token];
    float* q = b_.q[at.token] + head * c_.head_dim;
    for (int64_t h = 0; h < n_heads; ++h) {
        float* one = q + h * c_.head_dim;
        kernels::rms_norm(b_.ops, one, nullptr, c_.head_dim, c_.rms_eps, one);
        kernels::rope_rotate(turns_here, c_.n_rot, one + n_still);
    }
    kernels::SparseAttention in = gather_rows(at, scratch);
    in.q = q;
    in.n_heads = n_heads;
    in.head_dim = c_.head_dim;
    in.sink = w_.attn.sink + head;
    in.scale = 1.0f / std::sqrt(static_cast<float>(c_.head_dim));
    float* out = b_.heads_out[at.token] + head * c_.head_dim;
    kernels::sparse_attention(b_.ops, in, {scratch.scores.data(), scratch.expanded.data()}, out);
    for (int64_t h = 0; h < n_heads; ++h) {
        kernels::rope_rotate_back(turns_here, c_.n_rot, out + h * c_.head_dim + n_still);
    }
}

void Attention::attend_all() {
    const int64_t n_parts = (c_.n_heads + kAttentionHeads - 1) / kAttentionHeads;
    for (int64_t round = 0; push_block(round); ++round) {
        const auto n = static_cast<int64_t>(b_.attention_tokens.size());
        b_.pool.run(n * n_parts, [&](int64_t item, int thread) {
            const int64_t head = item % n_parts * kAttentionHeads;
            attend(b_.attention_tokens[static_cast<size_t>(item / n_parts)], head,
                   std::min(kAttentionHeads, c_.n_heads - head), thread);
        });
    }
}

// Grouped: each group of heads has its own wo_a; wo_b joins them.
void Attention::project_out() {
    const int64_t n = b_.n_tokens;
    const int64_t n_in = c_.n_heads * c_.head_dim / c_.o_groups;
    for (int64_t i = 0; i < c_.o_groups * n; ++i) {
        b_.group_in_pointers[static_cast<size_t>(i)] = b_.heads_out[i % n] + i / n * n_in;
        b_.group_out_pointers[static_cast<size_t>(i)] =
            b_.group_out[i % n] + i / n * c_.o_lora_rank;
    }
    if (b_.packs()) {
        b_.pool.run(c_.o_groups * n, [&](int64_t i, int) {
            b_.heads_packed.pack(b_.ops, i, b_.group_in_pointers[static_cast<size_t>(i)]);
        });
    }
    b_.jobs.clear();
    for (int64_t g = 0; g < c_.o_groups; ++g) {
        b_.jobs.push_back({w_.attn.wo_a[static_cast<size_t>(g)],
                           b_.heads_packed.input(b_.group_in_pointers.data() + g * n, g * n),
                           b_.group_out_pointers.data() + g * n, n});
    }
    kernels::matmul(b_.pool, b_.ops, b_.jobs);
    if (b_.rounded || b_.packs()) {
        b_.pool.run(n, [&](int64_t t, int) {
            if (b_.rounded) round_input(b_.group_out[t], c_.o_groups * c_.o_lora_rank);
            b_.group_packed.pack(b_.ops, t, b_.group_out[t]);
        });
    }
    kernels::MatmulJob join = job(w_.attn.wo_b, b_.group_out, b_.group_packed, b_.sub_out, n);
    kernels::matmul(b_.pool, b_.ops, {&join, 1});
}

void Attention::run(ForwardTrace* trace) {
    project_hidden();
    // Norms of every token beside the compressors of every chunk: they share nothing.
    const int64_t n_compressors = csa() ? 2 : compressed() ? 1 : 0;
    b_.pool.run(n_chunks() * n_compressors + b_.n_tokens, [&](int64_t item, int thread) {
        if (item >= n_chunks() * n_compressors)
            return norm_token(item - n_chunks() * n_compressors);
        const int64_t chunk = item / n_compressors;
        if (item % n_compressors == 0) {
            compress(chunk, kv(chunk).entries, b_.comp_values, b_.comp_gates, w_.attn.compressor,
                     b_.rounded ? round_kv_row : nullptr, thread);
        } else {
            compress(chunk, kv(chunk).indexer_keys, b_.index_values, b_.index_gates,
                     w_.attn.indexer.compressor, turns_index(b_, chunk) ? round_index_row : nullptr,
                     thread);
        }
    });
    project_queries();
    if (csa()) {
        choose_entries(w_, layer_, b_);
    } else {
        std::fill_n(b_.n_chosen.begin(), b_.n_tokens, kAllEntries);
    }
    attend_all();
    project_out();
    if (trace == nullptr) return;
    for (int64_t t = 0; t < b_.n_tokens; ++t) {
        const bool all = b_.n_chosen[static_cast<size_t>(t)] == kAllEntries;
        trace->on_attention(layer_, t, {b_.sub_out[t], static_cast<size_t>(c_.n_embd)},
                            all ? std::span<const int32_t>() : chosen(t));
    }
}

}  // namespace

void attention_block(const LayerWeights& w, const LayerPlace& place, Workspace::Buffers& b,
                     ForwardTrace* trace) {
    enter_site(w.hc_attn, w.attn_norm, b);
    Attention(w, place, b).run(trace);
    b.pool.run(b.n_tokens, [&](int64_t t, int) { leave_site(t, b); });
}

}  // namespace engine
