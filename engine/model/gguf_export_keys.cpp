#include "engine/model/gguf_export_keys.h"

#include <nlohmann/json.hpp>

#include "engine/tokenizer/tokenizer_json.h"
#include "engine/weights/gguf_vocabulary.h"
#include "engine/weights/json_strict.h"

namespace engine {
namespace {

using nlohmann::json;

constexpr int64_t kSqrtSoftplus = 4;

void add_attention(const ModelConfig& c, GgufHeader& header) {
    const std::string p = "deepseek4.attention.";
    header.whole(p + "head_count", c.n_heads);
    header.whole(p + "head_count_kv", 1);
    header.whole(p + "key_length", c.head_dim);
    header.whole(p + "value_length", c.head_dim);
    header.real(p + "layer_norm_rms_epsilon", c.rms_eps);
    header.whole(p + "q_lora_rank", c.q_lora_rank);
    header.whole(p + "sliding_window", c.n_window);
    header.whole(p + "output_group_count", c.o_groups);
    header.whole(p + "output_lora_rank", c.o_lora_rank);
    std::vector<int64_t> ratios;
    for (const auto& layer : c.layers) ratios.push_back(layer.compress_ratio);
    header.wholes(p + "compress_ratios", ratios);
    header.real(p + "compress_rope_freq_base", static_cast<float>(c.rope_compress.theta));
    header.whole(p + "indexer.head_count", c.indexer.n_heads);
    header.whole(p + "indexer.key_length", c.indexer.head_dim);
    header.whole(p + "indexer.top_k", c.indexer.top_k);
}

void add_experts(const ModelConfig& c, int64_t n_hash_layers, GgufHeader& header) {
    const std::string p = "deepseek4.";
    header.whole(p + "expert_count", c.n_experts);
    header.whole(p + "expert_used_count", c.n_experts_used);
    header.whole(p + "expert_shared_count", 1);
    header.whole(p + "expert_feed_forward_length", c.n_ff);
    header.real(p + "expert_weights_scale", c.routed_scale);
    header.flag(p + "expert_weights_norm", true);
    header.whole(p + "expert_gating_func", kSqrtSoftplus);
    header.whole(p + "hash_layer_count", n_hash_layers);
    const std::vector<float> limits(c.layers.size(), c.swiglu_limit);
    header.reals(p + "swiglu_clamp_exp", limits);
    header.reals(p + "swiglu_clamp_shexp", limits);
}

void add_rope(const ModelConfig& c, GgufHeader& header) {
    const std::string p = "deepseek4.rope.";
    header.whole(p + "dimension_count", c.n_rot);
    header.real(p + "freq_base", static_cast<float>(c.rope_main.theta));
    const RopeConfig& rope = c.rope_compress;
    header.text(p + "scaling.type", rope.yarn ? "yarn" : "none");
    if (!rope.yarn) return;
    header.real(p + "scaling.factor", static_cast<float>(rope.factor));
    header.whole(p + "scaling.original_context_length", static_cast<int64_t>(rope.n_ctx_original));
    header.real(p + "scaling.yarn_beta_fast", static_cast<float>(rope.beta_fast));
    header.real(p + "scaling.yarn_beta_slow", static_cast<float>(rope.beta_slow));
}

// A vocabulary by id. Ids that no token has are unused ones.
struct Vocabulary {
    std::vector<std::string> tokens;
    std::vector<int64_t> types;
    std::vector<std::string> merges;

    explicit Vocabulary(int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
            tokens.push_back("[PAD" + std::to_string(i) + "]");
            types.push_back(kGgufUnusedToken);
        }
    }
    bool put(const json& id, const std::string& text, int type) {
        const auto i = id.get<size_t>();
        if (i >= tokens.size()) return false;
        tokens[i] = text;
        types[i] = type;
        return true;
    }
};

// `root` has passed parse_tokenizer_json().
bool fill(const json& root, Vocabulary& vocabulary) {
    bool fits = true;
    for (const auto& [token, id] : root.at("model").at("vocab").items()) {
        fits &= vocabulary.put(id, token, kGgufNormalToken);
    }
    for (const auto& added : root.value("added_tokens", json::array())) {
        const int type = added.value("special", false) ? kGgufControlToken : kGgufUserToken;
        fits &= vocabulary.put(added.at("id"), added.at("content"), type);
    }
    for (const auto& merge : root.at("model").at("merges")) {
        vocabulary.merges.push_back(merge.is_string() ? merge.get<std::string>()
                                                      : merge[0].get<std::string>() + " " +
                                                            merge[1].get<std::string>());
    }
    return fits;
}

bool same_expressions(const json& root) {
    const auto of = [](const json& pre_tokenizer) {
        std::vector<json> patterns;
        for (const auto& step : pre_tokenizer.at("pretokenizers")) {
            if (step.contains("pattern")) patterns.push_back(step["pattern"]);
        }
        return patterns;
    };
    return of(root.at("pre_tokenizer")) == of(deepseek_pre_tokenizer());
}

}  // namespace

Result<void> add_model_keys(const ModelConfig& c, const std::string& name, GgufHeader& header) {
    int64_t n_hash_layers = 0;
    for (const auto& layer : c.layers) n_hash_layers += layer.hash_routed ? 1 : 0;
    for (int64_t i = 0; i < n_hash_layers; ++i) {
        if (!c.layers[static_cast<size_t>(i)].hash_routed) {
            return tl::unexpected(
                Error{Errc::unsupported, "hash-routed layers that are not the first ones"});
        }
    }
    header.text("general.architecture", "deepseek4");
    header.text("general.name", name);
    header.whole("general.quantization_version", 2);
    const std::string p = "deepseek4.";
    header.whole(p + "block_count", c.n_layers);
    header.whole(p + "context_length", c.n_ctx_max);
    header.whole(p + "embedding_length", c.n_embd);
    header.whole(p + "feed_forward_length", c.n_ff);
    header.whole(p + "vocab_size", c.n_vocab);
    header.whole(p + "hyper_connection.count", c.n_hc);
    header.whole(p + "hyper_connection.sinkhorn_iterations", c.hc_sinkhorn_iters);
    header.real(p + "hyper_connection.epsilon", c.hc_eps);
    add_attention(c, header);
    add_experts(c, n_hash_layers, header);
    add_rope(c, header);
    return {};
}

Result<void> add_tokenizer_keys(const ExportSource& from, GgufHeader& header) {
    const std::string& text = from.files.tokenizer_json;
    const auto refuse = [&from](const std::string& what) {
        return tl::unexpected(Error{Errc::file_broken, from.files.tokenizer_file + ": " + what});
    };
    if (text.empty()) {
        header.text(kGgufTokenizerModel, "no_vocab");
        return {};
    }
    if (const auto checked = parse_tokenizer_json(text); !checked) {
        return refuse(checked.error().detail);
    }
    const json root = json::parse(text);
    Vocabulary vocabulary(from.config.n_vocab);
    if (!fill(root, vocabulary)) return refuse("has ids beyond the model's vocabulary");
    header.text(kGgufTokenizerModel, "gpt2");
    // Another set of expressions has no name that readers know: only the whole file says it.
    const bool known = same_expressions(root);
    header.text(kGgufTokenizerPre, known ? kGgufDeepSeekSplits[0] : "tokenizer.huggingface.json");
    if (!known) header.text(kGgufWholeTokenizer, text);
    header.texts(kGgufTokens, vocabulary.tokens);
    header.wholes(kGgufTokenTypes, vocabulary.types);
    header.texts(kGgufMerges, vocabulary.merges);
    header.whole(kGgufBos, from.config.bos_token);
    header.whole(kGgufEos, from.config.eos_token);
    return {};
}

}  // namespace engine
