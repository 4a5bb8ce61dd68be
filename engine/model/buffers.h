#pragma once
// forward()'s scratch. Arrays are [token of the batch, width] unless said otherwise; each is
// written before it is read within one layer. Private to forward().
#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels/hyper_connection.h"
#include "engine/kernels/matmul.h"
#include "engine/model/forward.h"
#include "engine/model/packed_rows.h"

namespace engine {

// One vector a token, and pointers to them as matmul() takes them.
class Rows {
public:
    Rows() = default;
    Rows(int64_t n, int64_t width);
    float* operator[](int64_t i) { return pointers_[static_cast<size_t>(i)]; }
    float* const* pointers() const { return pointers_.data(); }
    int64_t bytes() const;

private:
    std::vector<float> numbers_;
    std::vector<float*> pointers_;
};

// One token of the batch.
struct BatchToken {
    int32_t id = 0;
    int64_t pos = 0;
    int64_t chunk = 0;  // whose it is
};

// Scratch of one thread of the pool.
struct ThreadScratch {
    std::vector<const float*> rows;        // of one attention
    std::vector<const std::byte*> stored;  // the same, as they are held
    std::vector<float> expanded;           // [kAttentionBlock, head_dim]; or one row
    std::vector<float> scores;             // [heads of an item, rows]; or indexer_scratch()
    std::vector<uint64_t> keys;            // top-k over entries or experts
    std::vector<float> biased;             // [n_experts]
};

// Tokens whose attention runs at once: a block of each chunk no longer than the window.
struct AttentionToken {
    int64_t token = 0;
    int64_t back = 0;  // its own row, counted from the window's last
};

struct Workspace::Buffers {
    Buffers(const Model& model, kernels::ThreadPool& pool, const WorkspaceConfig& config);
    int64_t bytes() const;
    bool packs() const { return kinds.integer || kinds.bf16; }

    const ModelConfig& config;
    const kernels::PanelKinds kinds;
    kernels::ThreadPool& pool;
    const kernels::Ops& ops;
    const bool rounded;          // the official roundings are on
    const bool has_index_panel;  // bf16 keys are scored by a panel of query heads
    const int64_t n_tokens_max;
    const int64_t n_ctx;

    // The batch.
    int64_t n_tokens = 0;
    std::vector<BatchToken> tokens;
    std::span<const SequenceChunk> chunks;
    std::vector<int64_t> chunk_begin;  // first token of each chunk

    // RoPE: tables of both kinds and cos, sin of every token's position, [n_rot].
    std::vector<float> frequencies_main, frequencies_compress;
    Rows turns_main, turns_compress;

    Rows streams;  // [n_hc * n_embd]
    Rows hc_raw;   // fn's product
    std::vector<kernels::HcCoefficients> hc;
    Rows hidden;               // a sublayer's input, normalised: [n_embd]
    Rows hidden_rounded;       // the same as FP8 matrices see it
    PackedRows hidden_packed;  // and as panels do
    Rows sub_out;              // a sublayer's output: [n_embd]

    // Attention.
    Rows q_rank, q, kv;                  // [q_lora_rank], [n_heads * head_dim], [head_dim]
    Rows comp_values, comp_gates;        // [token width]
    Rows index_values, index_gates;      // [token width of the indexer]
    Rows index_q, index_weights;         // [indexer heads * head_dim], [indexer heads]
    std::vector<uint32_t> index_panels;  // [token, index_panel_pairs()], if there is such
    Rows heads_out, group_out;           // [n_heads * head_dim], [o_groups * o_lora_rank]
    std::vector<float> index_scores;     // [kIndexTokens, entries]
    std::vector<int32_t> chosen;         // [token, top_k]
    std::vector<int64_t> n_chosen;       // by token; kAllEntries: every visible one
    std::vector<int64_t> index_tokens;   // those that must choose
    std::vector<AttentionToken> attention_tokens;
    PackedRows q_rank_packed, group_packed;
    PackedRows heads_packed;                      // [group, token]: heads of a group
    std::vector<const float*> group_in_pointers;  // [group, token]
    std::vector<float*> group_out_pointers;       // [group, token]

    // FFN.
    Rows router;                    // logits, then scores: [n_experts]
    std::vector<int32_t> experts;   // [token, n_experts_used]
    std::vector<float> weights;     // the same
    std::vector<int64_t> slot_end;  // [n_experts], slots of an expert in `slots`
    std::vector<int64_t> slots;     // token * n_experts_used + j, ordered by expert
    Rows gate, up, expert_out;      // by slot, then one a token for the shared expert
    PackedRows gate_packed;         // swiglu's result, as gate
    // Pointers in the order of `slots`.
    PackedPointers slot_hidden, slot_middle;
    std::vector<float*> slot_gate, slot_up, slot_out;

    // MTP. A stream of a token is a vector here.
    Rows mtp_streams;                         // [token * n_hc + stream, n_embd]
    PackedRows mtp_packed;                    // the vectors in `streams`, as panels see them
    std::vector<float*> mtp_stream_pointers;  // the same vectors
    std::vector<SequenceChunk> mtp_chunks;

    // What FP8 and FP4 matrices read of a sublayer's input.
    Rows& quantised_input() { return rounded ? hidden_rounded : hidden; }

    std::vector<kernels::MatmulJob> jobs;
    std::vector<float*> row_pointers;    // streams of wanted tokens, and the like
    std::vector<float*> logit_pointers;  // [wanted rows]
    std::vector<ThreadScratch> threads;
};

constexpr int64_t kAllEntries = -1;
constexpr int64_t kIndexTokens = 16;    // tokens scored at once
constexpr int64_t kAttentionHeads = 8;  // heads of one work item
constexpr int64_t kIndexKeysPerItem = 512;

// matmul()'s job for the first n vectors.
inline kernels::MatmulJob job(const Matrix& w, const Rows& x, const Rows& y, int64_t n) {
    return {w, x.pointers(), y.pointers(), n};
}
inline kernels::MatmulJob job(const Matrix& w, const Rows& x, const PackedRows& packed,
                              const Rows& y, int64_t n) {
    return {w, packed.input(x.pointers()), y.pointers(), n};
}

// Where a layer stands: its shape, and its number in the sequences' KV.
struct LayerPlace {
    const LayerConfig& shape;
    int64_t layer;
};

// The two halves of a layer. Each reads b.streams, and mixes its output back into them.
void attention_block(const LayerWeights& w, const LayerPlace& place, Workspace::Buffers& b,
                     ForwardTrace* trace);
void ffn_block(const LayerWeights& w, int64_t layer, Workspace::Buffers& b, ForwardTrace* trace);

// An mHC site's way in: coefficients off b.streams, then b.hidden = RMSNorm(collapsed streams).
void enter_site(const HcWeights& site, Vector norm, Workspace::Buffers& b);
// And out: b.streams mixed with b.sub_out, for one token.
void leave_site(int64_t token, Workspace::Buffers& b);

// The tokens of `batch` into b, with their positions.
void take_batch(std::span<const SequenceChunk> batch, Workspace::Buffers& b);
// cos and sin of a token's position.
void turn_token(int64_t token, Workspace::Buffers& b);
// The model's way out, for the chunks of b that want logits.
struct Exit {
    const HcWeights& hc_head;
    Vector norm;
    const Matrix& head;
};
void write_logits(const Exit& exit, Workspace::Buffers& b);

// A KV row, normalised and turned, as the official mix stores it: e4m3 but for the trailing n_rot
// numbers, which are bf16.
void round_kv_row(const ModelConfig& config, float* row);
// An indexer query or key: Hadamard transform, then e2m1.
void round_index_row(const ModelConfig& config, float* row);
// Whether a chunk's indexer keys, and with them its queries, go through the Hadamard transform.
bool turns_index(const Workspace::Buffers& b, int64_t chunk);
// A linear map's input.
void round_input(float* x, int64_t n);

// Which compressed entries each token of the batch attends to (csa): b.chosen, b.n_chosen.
void choose_entries(const LayerWeights& w, int64_t layer, Workspace::Buffers& b);

}  // namespace engine
