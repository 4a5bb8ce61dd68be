#pragma once
// Views of every tensor of a model, by their place in it, plus what had to be converted to stand
// there.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/kernels/matrix.h"
#include "engine/kernels/panels.h"
#include "engine/model/model_config.h"

namespace engine {

using kernels::Matrix;
using Vector = const float*;  // f32, the length follows from the config

struct HcWeights {           // one mHC site, or the exit
    Matrix fn;               // [(2 + n_hc) * n_hc, n_hc * n_embd], f32; the exit has n_hc rows
    Vector base = nullptr;   // [rows of fn]
    Vector scale = nullptr;  // [3]; the exit [1]
};

struct CompressorWeights {
    Matrix wkv, wgate;      // [token_width, n_embd]
    Vector ape = nullptr;   // [ratio, token_width]
    Vector norm = nullptr;  // [width]
};

struct IndexerWeights {
    Matrix wq_b;          // [indexer heads * head_dim, q_lora_rank]
    Matrix weights_proj;  // [indexer heads, n_embd]
    CompressorWeights compressor;
};

struct AttentionWeights {
    Matrix wq_a, wq_b, wkv, wo_b;
    std::vector<Matrix> wo_a;  // one a group: [o_lora_rank, heads of the group * head_dim]
    Vector q_norm = nullptr, kv_norm = nullptr;
    Vector sink = nullptr;         // [n_heads]
    CompressorWeights compressor;  // csa, hca
    IndexerWeights indexer;        // csa
};

struct ExpertWeights {
    Matrix w1, w3;  // [n_ff, n_embd]: gate, up
    Matrix w2;      // [n_embd, n_ff]
};

struct FfnWeights {
    Matrix gate;                       // [n_experts, n_embd]
    Vector gate_bias = nullptr;        // [n_experts], score-routed layers
    const int32_t* tid2eid = nullptr;  // [n_vocab, n_experts_used], hash-routed layers
    std::vector<ExpertWeights> experts;
    ExpertWeights shared;
};

struct LayerWeights {
    HcWeights hc_attn, hc_ffn;
    Vector attn_norm = nullptr, ffn_norm = nullptr;  // [n_embd]
    AttentionWeights attn;
    FfnWeights ffn;
};

struct MtpWeights {         // the draft block: predicts the token after the next
    Matrix e_proj, h_proj;  // [n_embd, n_embd]
    Vector enorm = nullptr, hnorm = nullptr, norm = nullptr;  // [n_embd]
    HcWeights hc_head;
    LayerWeights layer;
};

struct ModelWeights {
    Matrix embed, head;     // [n_vocab, n_embd]
    Vector norm = nullptr;  // [n_embd]
    HcWeights hc_head;
    std::vector<LayerWeights> layers;
    std::unique_ptr<MtpWeights> mtp;  // null: none
};

// Owns converted tensors; pointers into it stay put.
class ConvertedStorage {
public:
    // 64-byte aligned, in large pages where the system grants them; small ones lie one behind the
    // other.
    void* allocate(int64_t bytes);
    int64_t bytes() const { return bytes_; }

private:
    struct Free {
        void operator()(void* p) const;
    };
    void* new_block(int64_t bytes);

    std::vector<std::unique_ptr<void, Free>> blocks_;
    std::byte* free_ = nullptr;  // the rest of the last block that small ones share
    int64_t n_free_ = 0;
    int64_t bytes_ = 0;
};

}  // namespace engine
