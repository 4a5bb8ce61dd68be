#pragma once
// What config.json says about a DeepSeek-V4 model, in both spellings: the published one and the one
// that transformers writes. Nothing of a model's shape is known anywhere else.
#include <filesystem>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/weights/model_files.h"

namespace engine {

enum class AttentionKind : uint8_t {
    sliding,  // the window alone
    csa,      // overlapping compression, entries chosen by the lightning indexer
    hca,      // plain compression, every visible entry
};

struct LayerConfig {
    AttentionKind attention = AttentionKind::sliding;
    int64_t compress_ratio = 0;  // tokens to one compressed entry; 0 in sliding layers
    bool hash_routed = false;    // experts chosen by token id

    bool operator==(const LayerConfig&) const = default;
};

// The layer of an MTP block, whatever the backbone's are.
inline constexpr LayerConfig kMtpLayer{};

struct RopeConfig {
    double theta = 10000;
    bool yarn = false;  // the rest is for YaRN only
    double factor = 1;
    double beta_fast = 32;
    double beta_slow = 1;
    double n_ctx_original = 65536;

    bool operator==(const RopeConfig&) const = default;
};

struct IndexerConfig {
    int64_t n_heads = 64;
    int64_t head_dim = 128;
    int64_t top_k = 512;

    bool operator==(const IndexerConfig&) const = default;
};

struct ModelConfig {
    int64_t n_vocab = 0;
    int64_t n_embd = 0;
    int64_t n_layers = 0;
    int64_t n_heads = 0;
    int64_t head_dim = 0;  // one KV row of this width is key and value for all heads
    int64_t n_rot = 0;     // trailing dims of a head that turn
    int64_t q_lora_rank = 0;
    int64_t o_groups = 0;
    int64_t o_lora_rank = 0;  // per group
    int64_t n_window = 0;     // rows a query sees, its own included
    IndexerConfig indexer;
    int64_t n_experts = 0;
    int64_t n_experts_used = 0;
    int64_t n_ff = 0;  // of one expert; the shared expert has the same
    float routed_scale = 1;
    float swiglu_limit = 0;  // 0: no clamp
    int64_t n_hc = 1;        // residual streams
    int64_t hc_sinkhorn_iters = 1;
    float hc_eps = 0;
    float rms_eps = 0;
    RopeConfig rope_main;      // sliding layers
    RopeConfig rope_compress;  // layers with a compressor, for everything in them
    int64_t n_ctx_max = 0;     // what the model was made for
    int32_t bos_token = 0;
    int32_t eos_token = 1;
    int64_t n_mtp_layers = 0;         // draft blocks that the checkpoint says it has
    std::vector<LayerConfig> layers;  // n_layers of them

    bool operator==(const ModelConfig&) const = default;
};

// Errors: file_broken, naming key and value; unsupported, for what no V4 has (biases, other
// activations).
Result<ModelConfig> parse_model_config(std::string_view json);
// The same of what open_model_files() has found.
Result<ModelConfig> parse_model_config(const ModelFiles& files);
// Reads dir/config.json. Errors: file_missing and those of parse_model_config, with the file in
// front.
Result<ModelConfig> read_model_config(const std::filesystem::path& dir);

}  // namespace engine
