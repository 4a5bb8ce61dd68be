#include "engine/weights/gguf_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "engine/weights/gguf_keys.h"
#include "engine/weights/tensor_names.h"

namespace engine {
namespace {

using nlohmann::ordered_json;

constexpr char kPrefix[] = "deepseek4.";
constexpr int64_t kSqrtSoftplus = 4;  // of expert_gating_func
constexpr int64_t kBlocksMax = 1024;

class Deriver {
public:
    explicit Deriver(const GgufFile& file) : keys_(file) {
        for (const Tensor& tensor : file.tensors) {
            shapes_.emplace(official_name(tensor.name), &tensor.shape);
        }
    }
    ordered_json config();

private:
    static std::string own(const char* key) { return kPrefix + std::string(key); }
    // A dimension of a tensor, where there is one of this rank.
    std::optional<int64_t> dim(const std::string& tensor, size_t rank, size_t i) const {
        const auto found = shapes_.find(tensor);
        if (found == shapes_.end() || found->second->size() != rank) return std::nullopt;
        return (*found->second)[i];
    }
    bool has(const std::string& tensor) const { return shapes_.contains(tensor); }
    static std::string layer(int64_t i) { return "layers." + std::to_string(i) + "."; }
    // Of the first layer that has the tensor.
    std::optional<int64_t> dim_of_some_layer(const std::string& leaf, size_t rank, size_t i) const;

    int64_t whole(const char* key, std::optional<int64_t> derived = std::nullopt) const {
        const auto said = keys_.whole(own(key));
        return GgufKeys::need(said ? said : derived, own(key));
    }
    double real(const char* key, std::optional<double> derived = std::nullopt) const {
        const auto said = keys_.real(own(key));
        return GgufKeys::need(said ? said : derived, own(key));
    }

    void count_layers();
    void sizes(ordered_json& out) const;
    void attention(ordered_json& out) const;
    void schedule(ordered_json& out) const;
    void experts(ordered_json& out) const;
    void rope(ordered_json& out) const;
    void tokens(ordered_json& out) const;
    void indexer(ordered_json& out) const;
    std::optional<double> clamp(const char* key) const;
    int64_t ratio_of(int64_t i, const std::vector<int64_t>& said) const;
    int64_t n_hash_layers() const;

    GgufKeys keys_;
    std::unordered_map<std::string, const std::vector<int64_t>*> shapes_;  // by official name
    int64_t n_layers_ = 0;
    int64_t n_mtp_ = 0;
};

std::optional<int64_t> Deriver::dim_of_some_layer(const std::string& leaf, size_t rank,
                                                  size_t i) const {
    for (int64_t k = 0; k < n_layers_; ++k) {
        if (const auto found = dim(layer(k) + leaf, rank, i)) return found;
    }
    return std::nullopt;
}

// Some exports count the MTP block among the blocks.
void Deriver::count_layers() {
    std::optional<int64_t> n;
    for (int64_t i = 0; i < kBlocksMax && has(layer(i) + "attn_norm.weight"); ++i) n = i + 1;
    n_layers_ = whole("block_count", n);
    if (n_layers_ < 1 || n_layers_ > kBlocksMax) {
        GgufKeys::refuse(own("block_count"), "is " + std::to_string(n_layers_));
    }
    const int64_t n_next = keys_.whole(own("nextn_predict_layers")).value_or(0);
    if (n_next < 0 || n_next > n_layers_) {
        GgufKeys::refuse(own("nextn_predict_layers"), "is " + std::to_string(n_next));
    }
    n_mtp_ = n_next;
    if (n_next > 0 && has(layer(n_layers_ - n_next) + "nextn.eh_proj.weight")) n_layers_ -= n_next;
}

void Deriver::sizes(ordered_json& out) const {
    out["vocab_size"] = whole("vocab_size", dim("embed.weight", 2, 0));
    out["hidden_size"] = whole("embedding_length", dim("embed.weight", 2, 1));
    out["num_hidden_layers"] = n_layers_;
    out["num_nextn_predict_layers"] = n_mtp_;
    out["max_position_embeddings"] = whole("context_length");
    out["rms_norm_eps"] = real("attention.layer_norm_rms_epsilon");
    out["hc_mult"] = whole("hyper_connection.count", dim("hc_head_base", 1, 0));
    out["hc_sinkhorn_iters"] = whole("hyper_connection.sinkhorn_iterations");
    out["hc_eps"] = real("hyper_connection.epsilon");
}

void Deriver::attention(ordered_json& out) const {
    const int64_t head_dim = whole("attention.key_length", dim(layer(0) + "attn.wkv.weight", 2, 0));
    const int64_t n_heads = whole("attention.head_count", dim(layer(0) + "attn.attn_sink", 1, 0));
    if (keys_.whole(own("attention.value_length")).value_or(head_dim) != head_dim) {
        GgufKeys::refuse(own("attention.value_length"), "differs from key_length");
    }
    out["num_attention_heads"] = n_heads;
    out["num_key_value_heads"] = keys_.whole(own("attention.head_count_kv")).value_or(1);
    out["head_dim"] = head_dim;
    out["q_lora_rank"] = whole("attention.q_lora_rank", dim(layer(0) + "attn.wq_a.weight", 2, 0));
    std::optional<int64_t> n_groups;
    const auto group_width = dim(layer(0) + "attn.wo_a.weight", 2, 1);
    int64_t width = 0;
    if (group_width && *group_width > 0 && !__builtin_mul_overflow(n_heads, head_dim, &width)) {
        n_groups = width / *group_width;
    }
    const int64_t groups = whole("attention.output_group_count", n_groups);
    out["o_groups"] = groups;
    std::optional<int64_t> rank = dim(layer(0) + "attn.wo_a.weight", 2, 0);
    if (rank && groups > 0) *rank /= groups;
    out["o_lora_rank"] = whole("attention.output_lora_rank", rank);
    out["sliding_window"] = whole("attention.sliding_window");
}

// What the key says, else the rows of the gate bias: one for each token of a window.
int64_t Deriver::ratio_of(int64_t i, const std::vector<int64_t>& said) const {
    if (!said.empty()) return said[static_cast<size_t>(i)];
    if (!has(layer(i) + "attn.compressor.wkv.weight")) return 0;
    return GgufKeys::need(dim(layer(i) + "attn.compressor.ape", 2, 0),
                          own("attention.compress_ratios"));
}

// A layer with an indexer is CSA, another one with a compressor HCA; the rates stand beside.
void Deriver::schedule(ordered_json& out) const {
    const std::string key = own("attention.compress_ratios");
    std::vector<int64_t> said;
    if (const GgufArray* list = keys_.array(key)) {
        if (list->type() == GgufType::string || list->size() < static_cast<uint64_t>(n_layers_)) {
            GgufKeys::refuse(key, "is no list of " + std::to_string(n_layers_) + " numbers");
        }
        list->for_each_number([&](double x) {
            if (static_cast<int64_t>(said.size()) < n_layers_) {
                const bool fits = x >= 0 && x <= 1 << 24;  // NaN does not
                said.push_back(fits ? static_cast<int64_t>(x) : -1);
            }
        });
    }
    int64_t csa = 0;
    int64_t hca = 0;
    auto& types = out["layer_types"] = ordered_json::array();
    for (int64_t i = 0; i < n_layers_; ++i) {
        const int64_t ratio = ratio_of(i, said);
        if (ratio < 0) GgufKeys::refuse(key, "holds what is no rate");
        if (ratio == 0) {
            types.push_back("sliding_attention");
            continue;
        }
        const bool indexed = has(layer(i) + "attn.indexer.wq_b.weight");
        int64_t& rate = indexed ? csa : hca;
        if (rate != 0 && rate != ratio) {
            GgufKeys::refuse(key, "has two rates for layers of one kind", Errc::unsupported);
        }
        rate = ratio;
        types.push_back(indexed ? "compressed_sparse_attention" : "heavily_compressed_attention");
    }
    auto& rates = out["compress_rates"] = ordered_json::object();
    if (csa != 0) rates["compressed_sparse_attention"] = csa;
    if (hca != 0) rates["heavily_compressed_attention"] = hca;
    if (csa != 0) indexer(out);
}

void Deriver::indexer(ordered_json& out) const {
    out["index_n_heads"] = whole("attention.indexer.head_count",
                                 dim_of_some_layer("attn.indexer.weights_proj.weight", 2, 0));
    out["index_head_dim"] = whole("attention.indexer.key_length",
                                  dim_of_some_layer("attn.indexer.compressor.norm.weight", 1, 0));
    out["index_topk"] = whole("attention.indexer.top_k");
}

int64_t Deriver::n_hash_layers() const {
    int64_t n = 0;
    while (n < n_layers_ && has(layer(n) + "ffn.gate.tid2eid")) ++n;
    return whole("hash_layer_count", n);
}

// One limit for all layers, as a number or as a list of equal ones.
std::optional<double> Deriver::clamp(const char* key) const {
    const GgufValue* value = keys_.find(own(key));
    if (value == nullptr || !std::holds_alternative<GgufArray>(*value)) return keys_.real(own(key));
    const auto& list = std::get<GgufArray>(*value);
    if (list.type() == GgufType::string || list.size() == 0) {
        GgufKeys::refuse(own(key), "is no list of numbers");
    }
    std::optional<double> limit;
    list.for_each_number([&](double x) {
        if (limit.value_or(x) != x) {
            GgufKeys::refuse(own(key), "differs from layer to layer", Errc::unsupported);
        }
        limit = x;
    });
    return limit;
}

void Deriver::experts(ordered_json& out) const {
    out["n_routed_experts"] = whole("expert_count", dim(layer(0) + "ffn.gate.weight", 2, 0));
    out["num_experts_per_tok"] =
        whole("expert_used_count", dim_of_some_layer("ffn.gate.tid2eid", 2, 1));
    out["moe_intermediate_size"] =
        whole("expert_feed_forward_length", dim(layer(0) + "ffn.shared_experts.w1.weight", 2, 0));
    out["n_shared_experts"] = keys_.whole(own("expert_shared_count")).value_or(1);
    out["num_hash_layers"] = n_hash_layers();
    out["routed_scaling_factor"] = real("expert_weights_scale");
    out["norm_topk_prob"] = keys_.flag(own("expert_weights_norm")).value_or(true);
    const int64_t gating = keys_.whole(own("expert_gating_func")).value_or(kSqrtSoftplus);
    if (gating != kSqrtSoftplus) {
        GgufKeys::refuse(own("expert_gating_func"),
                         "is " + std::to_string(gating) + ", this engine knows 4, sqrtsoftplus",
                         Errc::unsupported);
    }
    out["scoring_func"] = "sqrtsoftplus";
    const double limit = GgufKeys::need(clamp("swiglu_clamp_exp"), own("swiglu_clamp_exp"));
    if (clamp("swiglu_clamp_shexp").value_or(limit) != limit) {
        GgufKeys::refuse(own("swiglu_clamp_shexp"), "differs from swiglu_clamp_exp",
                         Errc::unsupported);
    }
    out["swiglu_limit"] = limit;
}

// The defaults are those of the programs that write such files.
void Deriver::rope(ordered_json& out) const {
    out["qk_rope_head_dim"] = whole("rope.dimension_count");
    out["rope_theta"] = real("rope.freq_base", 10000);
    out["compress_rope_theta"] = real("attention.compress_rope_freq_base");
    const auto type =
        GgufKeys::need(keys_.text(own("rope.scaling.type")), own("rope.scaling.type"));
    if (type == "none") return;
    if (type != "yarn") {
        GgufKeys::refuse(own("rope.scaling.type"),
                         "is " + in_quotes(type) + ", this engine knows yarn and none",
                         Errc::unsupported);
    }
    out["rope_scaling"] = {
        {"type", "yarn"},
        {"factor", real("rope.scaling.factor")},
        {"original_max_position_embeddings", whole("rope.scaling.original_context_length")},
        {"beta_fast", real("rope.scaling.yarn_beta_fast", 32)},
        {"beta_slow", real("rope.scaling.yarn_beta_slow", 1)},
    };
}

// Files without a vocabulary have no ids to name; a published V4 has these.
void Deriver::tokens(ordered_json& out) const {
    const bool no_vocab = !keys_.find("tokenizer.ggml.tokens");
    const auto id = [&](const char* key, int64_t published) {
        const auto said = keys_.whole(key);
        return said || !no_vocab ? GgufKeys::need(said, key) : published;
    };
    out["bos_token_id"] = id("tokenizer.ggml.bos_token_id", 0);
    out["eos_token_id"] = id("tokenizer.ggml.eos_token_id", 1);
}

ordered_json Deriver::config() {
    const auto architecture =
        GgufKeys::need(keys_.text("general.architecture"), "general.architecture");
    if (architecture != "deepseek4") {
        GgufKeys::refuse("general.architecture",
                         "is " + in_quotes(architecture) + ", this engine knows deepseek4",
                         Errc::unsupported);
    }
    count_layers();
    ordered_json out = {{"architectures", {"DeepseekV4ForCausalLM"}},
                        {"model_type", "deepseek_v4"},
                        {"hidden_act", "silu"},
                        {"tie_word_embeddings", false}};
    sizes(out);
    attention(out);
    schedule(out);
    experts(out);
    rope(out);
    tokens(out);
    return out;
}

}  // namespace

Result<std::string> config_json_of(const GgufFile& file, const std::string& name) {
    try {
        return Deriver(file).config().dump(1);
    } catch (const GgufRefusal& refusal) {
        return tl::unexpected(Error{refusal.code, name + ": " + refusal.what});
    }
}

}  // namespace engine
