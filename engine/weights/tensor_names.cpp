#include "engine/weights/tensor_names.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "engine/weights/gguf_names.h"

namespace engine {
namespace {

using Parts = std::vector<std::string>;
using Renames = std::span<const std::pair<std::string_view, std::string_view>>;

constexpr std::pair<std::string_view, std::string_view> kRoot[] = {
    {"embed_tokens", "embed"},
    {"lm_head", "head"},
};
constexpr std::pair<std::string_view, std::string_view> kLayer[] = {
    {"self_attn", "attn"},
    {"mlp", "ffn"},
    {"input_layernorm", "attn_norm"},
    {"post_attention_layernorm", "ffn_norm"},
};
constexpr std::pair<std::string_view, std::string_view> kAttention[] = {
    {"sinks", "attn_sink"}, {"q_a_proj", "wq_a"}, {"q_a_norm", "q_norm"},
    {"q_b_proj", "wq_b"},   {"kv_proj", "wkv"},   {"gate_proj", "wgate"},
    {"o_a_proj", "wo_a"},   {"o_b_proj", "wo_b"}, {"position_bias", "ape"},
};
constexpr std::pair<std::string_view, std::string_view> kFfn[] = {
    {"e_score_correction_bias", "bias"},
    {"gate_proj", "w1"},
    {"up_proj", "w3"},
};

Parts split(std::string_view name) {
    Parts parts;
    while (true) {
        const size_t dot = name.find('.');
        parts.emplace_back(name.substr(0, dot));
        if (dot == std::string_view::npos) return parts;
        name.remove_prefix(dot + 1);
    }
}

std::string join(const Parts& parts) {
    std::string name;
    for (const auto& part : parts) {
        if (!name.empty()) name += '.';
        name += part;
    }
    return name;
}

void rename(Renames table, std::string& part) {
    for (const auto& [from, to] : table) {
        if (part == from) {
            part = to;
            return;
        }
    }
}

bool has(const Parts& parts, size_t i, std::string_view text) {
    return i < parts.size() && parts[i] == text;
}

void erase_at(Parts& parts, size_t i) {
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
}

// X.Y becomes one part: hc_head.hc_fn is hc_head_fn, attn_hc.fn is hc_attn_fn.
void merge(Parts& parts, size_t i, std::string_view prefix) {
    std::string leaf = parts[i + 1];
    if (leaf.starts_with("hc_")) leaf.erase(0, 3);
    parts[i] = std::string(prefix) + leaf;
    erase_at(parts, i + 1);
}

// i: where "attn" stands.
void rename_attention(Parts& parts, size_t i) {
    for (size_t k = i + 1; k < parts.size(); ++k) rename(kAttention, parts[k]);
    std::erase(parts, std::string("scorer"));
    if (has(parts, i + 1, "compressor") && has(parts, i + 2, "indexer")) erase_at(parts, i + 1);
    if (!has(parts, i + 1, "compressor") && !has(parts, i + 1, "indexer")) {
        if (has(parts, i + 1, "norm")) parts[i + 1] = "kv_norm";
        return;
    }
    for (size_t k = i + 2; k < parts.size(); ++k) {
        if (parts[k] == "kv_norm") parts[k] = "norm";
    }
    constexpr std::string_view kOfCompressor[] = {"wkv", "wgate", "ape", "norm"};
    if (has(parts, i + 1, "indexer") && i + 2 < parts.size() &&
        std::ranges::find(kOfCompressor, parts[i + 2]) != std::end(kOfCompressor)) {
        parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(i) + 2, "compressor");
    }
}

// i: where "ffn" stands. down_proj directly under experts is the fused tensor and keeps its name.
void rename_ffn(Parts& parts, size_t i) {
    for (size_t k = i + 1; k < parts.size(); ++k) rename(kFfn, parts[k]);
    for (size_t k = i + 2; k < parts.size(); ++k) {
        if (parts[k] == "down_proj" && parts[k - 1] != "experts") parts[k] = "w2";
    }
}

}  // namespace

std::string official_name(std::string_view name) {
    if (name.ends_with("inv_freq") || name == "rope_freqs.weight") return {};
    if (is_gguf_name(name)) return official_name_of_gguf(name);
    Parts parts = split(name);
    if (parts.size() > 1 && parts[0] == "model") erase_at(parts, 0);
    rename(kRoot, parts[0]);
    const bool in_layer = (parts[0] == "layers" || parts[0] == "mtp") && parts.size() > 2;
    const size_t i = in_layer ? 2 : 0;
    if (in_layer) rename(kLayer, parts[i]);
    if (has(parts, i, "hc_head") && i + 1 < parts.size()) merge(parts, i, "hc_head_");
    if (has(parts, i, "attn_hc") && i + 1 < parts.size()) merge(parts, i, "hc_attn_");
    if (has(parts, i, "ffn_hc") && i + 1 < parts.size()) merge(parts, i, "hc_ffn_");
    if (in_layer && has(parts, i, "attn")) rename_attention(parts, i);
    if (in_layer && has(parts, i, "ffn")) rename_ffn(parts, i);
    if (parts.back() == "weight_scale_inv") parts.back() = "scale";
    return join(parts);
}

}  // namespace engine
