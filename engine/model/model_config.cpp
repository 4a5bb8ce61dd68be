#include "engine/model/model_config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/kernels/hyper_connection.h"
#include "engine/kernels/rope.h"
#include "engine/weights/json_strict.h"
#include "engine/weights/mapped_file.h"

namespace engine {
namespace {

using nlohmann::json;

constexpr size_t kConfigBytesMax = 1 << 20;
// Far above any V4, and low enough that no product of two sizes overflows.
constexpr int64_t kSizeMax = 1 << 24;
constexpr int64_t kLayersMax = 1024;
constexpr int64_t kContextMax = int64_t{1} << 31;

struct Refusal {
    Error error;
};
[[noreturn]] void refuse(Errc code, const std::string& what) {
    throw Refusal{{code, what}};
}

std::string shown(const json& value) {
    std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    constexpr size_t kLengthMax = 80;
    if (text.size() > kLengthMax) text = text.substr(0, kLengthMax) + "...";
    return text;
}

// Members of one object, with the path in front of each message.
class Object {
public:
    Object(const json& value, std::string path) : value_(value), path_(std::move(path)) {
        if (!value.is_object())
            refuse(Errc::file_broken, (path_.empty() ? "config" : path_) + ": not an object");
    }

    std::string path(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

    // Absent and null are the same.
    const json* find(const char* key) const {
        const auto found = value_.find(key);
        return found == value_.end() || found->is_null() ? nullptr : &*found;
    }
    const json& get(const char* key) const {
        const json* found = find(key);
        if (found == nullptr) refuse(Errc::file_broken, path(key) + ": missing");
        return *found;
    }
    std::optional<Object> object(const char* key) const {
        const json* found = find(key);
        if (found == nullptr) return std::nullopt;
        return Object(*found, path(key));
    }

    [[noreturn]] void bad(const char* key, const std::string& wanted) const {
        refuse(Errc::file_broken, path(key) + ": " + shown(get(key)) + ", must be " + wanted);
    }
    [[noreturn]] void other(const char* key, const std::string& known) const {
        refuse(Errc::unsupported,
               path(key) + ": " + shown(get(key)) + ", this engine knows " + known);
    }

    int64_t whole(const char* key, int64_t min, int64_t max) const {
        const json& value = get(key);
        if (!value.is_number_integer() || value < min || value > max) {
            bad(key, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
        }
        return value.get<int64_t>();
    }
    int64_t size(const char* key) const { return whole(key, 1, kSizeMax); }
    double real(const char* key, double above, double below) const {
        const json& value = get(key);
        const double x = value.is_number() ? value.get<double>() : NAN;
        if (!(x > above && x < below))
            bad(key, "a number above " + shown(above) + " and below " + shown(below));
        return x;
    }
    double real_or(const char* key, double above, double below, double fallback) const {
        return find(key) == nullptr ? fallback : real(key, above, below);
    }
    const std::string& text(const char* key) const {
        const json& value = get(key);
        if (!value.is_string()) bad(key, "a string");
        return value.get_ref<const std::string&>();
    }
    const json& list(const char* key, int64_t n_min) const {
        const json& value = get(key);
        if (!value.is_array() || static_cast<int64_t>(value.size()) < n_min) {
            bad(key, "a list of at least " + std::to_string(n_min) + " entries");
        }
        return value;
    }

private:
    const json& value_;
    std::string path_;
};

// A key of the published file under its alias.
const char* either(const Object& root, const char* key, const char* alias) {
    return root.find(key) == nullptr && root.find(alias) != nullptr ? alias : key;
}

AttentionKind kind_of_name(const Object& root, const json& name) {
    if (name == "sliding_attention") return AttentionKind::sliding;
    if (name == "compressed_sparse_attention") return AttentionKind::csa;
    if (name == "heavily_compressed_attention") return AttentionKind::hca;
    refuse(Errc::file_broken, root.path("layer_types") + ": unknown type " + shown(name));
}

AttentionKind kind_of_ratio(const Object& root, const json& ratio) {
    if (ratio == 0) return AttentionKind::sliding;
    if (ratio == 4) return AttentionKind::csa;
    if (ratio == 128) return AttentionKind::hca;
    refuse(Errc::file_broken,
           root.path("compress_ratios") + ": " + shown(ratio) + ", must be 0, 4 or 128");
}

// Neither spelling given: two HCA layers, then HCA and CSA in turn.
AttentionKind kind_by_default(int64_t i) {
    return i < 2 || i % 2 == 0 ? AttentionKind::hca : AttentionKind::csa;
}

int64_t compress_rate(const Object& root, const char* name, const char* old_key, int64_t fallback) {
    const auto rates = root.object("compress_rates");
    if (rates && rates->find(name) != nullptr) return rates->size(name);
    return root.find(old_key) != nullptr ? root.size(old_key) : fallback;
}

bool hash_routed(const Object& root, int64_t i) {
    if (root.find("mlp_layer_types") == nullptr) {
        const int64_t n = root.find("num_hash_layers") == nullptr
                              ? 3
                              : root.whole("num_hash_layers", 0, kLayersMax);
        return i < n;
    }
    const json& name = root.get("mlp_layer_types")[static_cast<size_t>(i)];
    if (name == "hash_moe") return true;
    if (name == "moe") return false;
    refuse(Errc::file_broken, root.path("mlp_layer_types") + ": unknown type " + shown(name));
}

std::vector<LayerConfig> read_layers(const Object& root, int64_t n_layers) {
    const int64_t csa = compress_rate(root, "compressed_sparse_attention", "compress_rate_csa", 4);
    const int64_t hca =
        compress_rate(root, "heavily_compressed_attention", "compress_rate_hca", 128);
    const bool by_type = root.find("layer_types") != nullptr;
    const bool by_ratio = !by_type && root.find("compress_ratios") != nullptr;
    const json* list = by_type    ? &root.list("layer_types", n_layers)
                       : by_ratio ? &root.list("compress_ratios", n_layers)
                                  : nullptr;
    if (root.find("mlp_layer_types") != nullptr) root.list("mlp_layer_types", n_layers);
    std::vector<LayerConfig> layers;
    for (int64_t i = 0; i < n_layers; ++i) {
        const auto k = static_cast<size_t>(i);
        LayerConfig layer;
        layer.attention = by_type    ? kind_of_name(root, (*list)[k])
                          : by_ratio ? kind_of_ratio(root, (*list)[k])
                                     : kind_by_default(i);
        if (layer.attention == AttentionKind::csa) layer.compress_ratio = csa;
        if (layer.attention == AttentionKind::hca) layer.compress_ratio = hca;
        layer.hash_routed = hash_routed(root, i);
        layers.push_back(layer);
    }
    return layers;
}

std::string rope_type(const Object& rope) {
    if (rope.find("rope_type") != nullptr) return rope.text("rope_type");
    return rope.find("type") != nullptr ? rope.text("type") : "default";
}

// `scaling` is rope_scaling, rope_parameters.compress, or a flat rope_parameters.
void read_yarn(const Object& root, const Object& scaling, RopeConfig& rope) {
    const std::string type = rope_type(scaling);
    if (type == "default") return;
    if (type != "yarn") {
        refuse(Errc::unsupported, scaling.path("rope_type") + ": " + in_quotes(type) +
                                      ", this engine knows yarn and default");
    }
    rope.yarn = true;
    rope.n_ctx_original = scaling.real("original_max_position_embeddings", 0, 1e12);
    rope.factor = scaling.find("factor") != nullptr
                      ? scaling.real("factor", 0, 1e6)
                      : root.real("max_position_embeddings", 0, 1e12) / rope.n_ctx_original;
    rope.beta_fast = scaling.real_or("beta_fast", 0, 1e6, 32);
    rope.beta_slow = scaling.real_or("beta_slow", 0, 1e6, 1);
    if (scaling.real_or("attention_factor", 0, 1e6, 1) != 1)
        scaling.other("attention_factor", "1 only");
}

void read_ropes(const Object& root, ModelConfig& config) {
    constexpr double kThetaMin = 1;
    constexpr double kThetaMax = 1e15;
    config.rope_main.theta = root.real_or("rope_theta", kThetaMin, kThetaMax, 10000);
    config.rope_compress.theta = root.real_or("compress_rope_theta", kThetaMin, kThetaMax, 160000);
    const auto parameters = root.object("rope_parameters");
    const auto main = parameters ? parameters->object("main") : std::nullopt;
    const auto compress = parameters ? parameters->object("compress") : std::nullopt;
    if (main) {
        config.rope_main.theta =
            main->real_or("rope_theta", kThetaMin, kThetaMax, config.rope_main.theta);
        if (rope_type(*main) != "default") main->other("rope_type", "default");
    }
    if (compress) {
        config.rope_compress.theta =
            compress->real_or("rope_theta", kThetaMin, kThetaMax, config.rope_compress.theta);
        read_yarn(root, *compress, config.rope_compress);
    } else if (parameters && !main) {
        read_yarn(root, *parameters, config.rope_compress);
    } else if (const auto scaling = root.object("rope_scaling")) {
        read_yarn(root, *scaling, config.rope_compress);
    }
}

int64_t read_n_rot(const Object& root, int64_t head_dim) {
    const auto parameters = root.object("rope_parameters");
    const auto main = parameters ? parameters->object("main") : std::nullopt;
    const Object* holder = root.find("partial_rotary_factor") != nullptr            ? &root
                           : main && main->find("partial_rotary_factor") != nullptr ? &*main
                                                                                    : nullptr;
    int64_t n_rot = 0;
    if (holder != nullptr) {
        const double factor = holder->real("partial_rotary_factor", 0, 1.0000001);
        n_rot = static_cast<int64_t>(static_cast<double>(head_dim) * factor);
    } else if (root.find("qk_rope_head_dim") != nullptr) {
        n_rot = root.size("qk_rope_head_dim");
    } else {
        n_rot = head_dim * 64 / 512;
    }
    if (n_rot < 2 || n_rot % 2 != 0 || n_rot > std::min(head_dim, kernels::kRotMax)) {
        refuse(Errc::file_broken, "qk_rope_head_dim: " + std::to_string(n_rot) +
                                      " dims turn, must be even and within head_dim " +
                                      std::to_string(head_dim));
    }
    return n_rot;
}

void must_be(const Object& root, const char* key, const json& known) {
    const json* value = root.find(key);
    if (value != nullptr && *value != known) root.other(key, shown(known));
}

// What a V4 could say and no V4 does.
void check_fixed(const Object& root) {
    if (root.text("model_type") != "deepseek_v4") root.other("model_type", "\"deepseek_v4\"");
    must_be(root, "num_key_value_heads", 1);
    must_be(root, "n_shared_experts", 1);
    must_be(root, "hidden_act", "silu");
    must_be(root, "scoring_func", "sqrtsoftplus");
    must_be(root, "topk_method", "noaux_tc");
    must_be(root, "norm_topk_prob", true);
    must_be(root, "attention_bias", false);
    must_be(root, "mlp_bias", false);
    must_be(root, "tie_word_embeddings", false);
}

// Blocks of other sizes belong to models that this engine does not know.
void check_quantisation(const Object& root) {
    const auto quantisation = root.object("quantization_config");
    if (quantisation) must_be(*quantisation, "weight_block_size", json::array({128, 128}));
}

void read_indexer(const Object& root, ModelConfig& config) {
    bool needed = false;
    for (const auto& layer : config.layers) needed |= layer.attention == AttentionKind::csa;
    if (!needed) return;
    config.indexer.n_heads = root.size("index_n_heads");
    config.indexer.head_dim = root.size("index_head_dim");
    config.indexer.top_k = root.size("index_topk");
    if (config.indexer.head_dim < config.n_rot) {
        root.bad("index_head_dim",
                 "at least the " + std::to_string(config.n_rot) + " dims that turn");
    }
}

ModelConfig read_config(const Object& root) {
    check_fixed(root);
    ModelConfig config;
    config.n_vocab = root.size("vocab_size");
    config.n_embd = root.size("hidden_size");
    config.n_layers = root.whole("num_hidden_layers", 1, kLayersMax);
    config.n_heads = root.size("num_attention_heads");
    config.head_dim = root.size("head_dim");
    config.q_lora_rank = root.size("q_lora_rank");
    config.o_groups = root.size("o_groups");
    config.o_lora_rank = root.size("o_lora_rank");
    config.n_window = root.size("sliding_window");
    config.n_experts =
        root.whole(either(root, "n_routed_experts", "num_local_experts"), 1, 1 << 16);
    config.n_experts_used = root.whole("num_experts_per_tok", 1, config.n_experts);
    config.n_ff = root.size(either(root, "moe_intermediate_size", "intermediate_size"));
    config.routed_scale = static_cast<float>(root.real("routed_scaling_factor", 0, 1e6));
    config.swiglu_limit = static_cast<float>(root.real("swiglu_limit", -1e-30, 1e6));
    config.n_hc = root.whole("hc_mult", 1, kernels::kHcStreamsMax);
    config.hc_sinkhorn_iters = root.whole("hc_sinkhorn_iters", 1, 1000);
    config.hc_eps = static_cast<float>(root.real("hc_eps", 0, 1));
    config.rms_eps = static_cast<float>(root.real("rms_norm_eps", 0, 1));
    config.n_ctx_max = root.whole("max_position_embeddings", 1, kContextMax);
    config.bos_token = static_cast<int32_t>(root.whole("bos_token_id", 0, config.n_vocab - 1));
    config.eos_token = static_cast<int32_t>(root.whole("eos_token_id", 0, config.n_vocab - 1));
    if (root.find("num_nextn_predict_layers") != nullptr) {
        config.n_mtp_layers = root.whole("num_nextn_predict_layers", 0, kLayersMax);
    }
    check_quantisation(root);
    config.n_rot = read_n_rot(root, config.head_dim);
    read_ropes(root, config);
    config.layers = read_layers(root, config.n_layers);
    read_indexer(root, config);
    if (config.n_heads % config.o_groups != 0) {
        root.bad("o_groups", "a divisor of num_attention_heads " + std::to_string(config.n_heads));
    }
    return config;
}

}  // namespace

Result<ModelConfig> parse_model_config(std::string_view text) {
    const auto parsed = parse_json_strict(text, 16);
    if (!parsed) return tl::unexpected(Error{Errc::file_broken, parsed.error()});
    try {
        return read_config(Object(*parsed, ""));
    } catch (const Refusal& refusal) {
        return tl::unexpected(refusal.error);
    }
}

namespace {

Result<ModelConfig> parse_from(const std::string& text, const std::string& file) {
    auto config = parse_model_config(text);
    if (config) return config;
    return tl::unexpected(Error{config.error().code, file + ": " + config.error().detail});
}

}  // namespace

Result<ModelConfig> parse_model_config(const ModelFiles& files) {
    return parse_from(files.config_json, files.config_file);
}

Result<ModelConfig> read_model_config(const std::filesystem::path& dir) {
    const auto path = dir / "config.json";
    const auto text = read_text_file(path, kConfigBytesMax);
    if (!text) return tl::unexpected(text.error());
    return parse_from(*text, path.string());
}

}  // namespace engine
