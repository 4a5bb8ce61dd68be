#include "engine/weights/gguf_names.h"

#include <algorithm>
#include <utility>

namespace engine {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;  // GGUF, official

constexpr Pair kRoot[] = {
    {"token_embd.weight", "embed.weight"},     {"output.weight", "head.weight"},
    {"output_norm.weight", "norm.weight"},     {"output_hc_fn.weight", "hc_head_fn"},
    {"output_hc_base.weight", "hc_head_base"}, {"output_hc_scale.weight", "hc_head_scale"},
};
// Behind "blk.N." and "layers.N.", and behind "mtp.0." on both sides.
constexpr Pair kLayer[] = {
    {"attn_norm.weight", "attn_norm.weight"},
    {"ffn_norm.weight", "ffn_norm.weight"},
    {"hc_attn_fn.weight", "hc_attn_fn"},
    {"hc_attn_base.weight", "hc_attn_base"},
    {"hc_attn_scale.weight", "hc_attn_scale"},
    {"hc_ffn_fn.weight", "hc_ffn_fn"},
    {"hc_ffn_base.weight", "hc_ffn_base"},
    {"hc_ffn_scale.weight", "hc_ffn_scale"},
    {"attn_sinks.weight", "attn.attn_sink"},
    {"attn_q_a.weight", "attn.wq_a.weight"},
    {"attn_q_a_norm.weight", "attn.q_norm.weight"},
    {"attn_q_b.weight", "attn.wq_b.weight"},
    {"attn_kv.weight", "attn.wkv.weight"},
    {"attn_kv_a_norm.weight", "attn.kv_norm.weight"},
    {"attn_output_a.weight", "attn.wo_a.weight"},
    {"attn_output_b.weight", "attn.wo_b.weight"},
    {"attn_compressor_kv.weight", "attn.compressor.wkv.weight"},
    {"attn_compressor_gate.weight", "attn.compressor.wgate.weight"},
    {"attn_compressor_ape.weight", "attn.compressor.ape"},
    {"attn_compressor_norm.weight", "attn.compressor.norm.weight"},
    {"indexer.attn_q_b.weight", "attn.indexer.wq_b.weight"},
    {"indexer.proj.weight", "attn.indexer.weights_proj.weight"},
    {"indexer_compressor_kv.weight", "attn.indexer.compressor.wkv.weight"},
    {"indexer_compressor_gate.weight", "attn.indexer.compressor.wgate.weight"},
    {"indexer_compressor_ape.weight", "attn.indexer.compressor.ape"},
    {"indexer_compressor_norm.weight", "attn.indexer.compressor.norm.weight"},
    {"ffn_gate_inp.weight", "ffn.gate.weight"},
    {"exp_probs_b.bias", "ffn.gate.bias"},
    {"ffn_gate_tid2eid.weight", "ffn.gate.tid2eid"},
    {"ffn_gate_exps.weight", "ffn.experts.gate_exps"},
    {"ffn_up_exps.weight", "ffn.experts.up_exps"},
    {"ffn_down_exps.weight", "ffn.experts.down_exps"},
    {"ffn_gate_shexp.weight", "ffn.shared_experts.w1.weight"},
    {"ffn_up_shexp.weight", "ffn.shared_experts.w3.weight"},
    {"ffn_down_shexp.weight", "ffn.shared_experts.w2.weight"},
};
// Of the MTP block alone: official leaves, all with ".weight".
constexpr Pair kMtp[] = {
    {"hc_head_fn.weight", "hc_head_fn"},
    {"hc_head_base.weight", "hc_head_base"},
    {"hc_head_scale.weight", "hc_head_scale"},
};
constexpr std::string_view kMtpPrefix = "mtp.0.";

// "blk.12.x" is "blk." and "12.x"; the number's end is where the rest begins. 0: no such name.
size_t prefix_of(std::string_view name, std::string_view stem) {
    if (!name.starts_with(stem)) return 0;
    size_t end = stem.size();
    while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
    return end > stem.size() && end < name.size() && name[end] == '.' ? end + 1 : 0;
}

template <size_t n>
std::string_view to_official(const Pair (&table)[n], std::string_view leaf) {
    const auto found = std::find_if(std::begin(table), std::end(table),
                                    [leaf](const Pair& pair) { return pair.first == leaf; });
    return found == std::end(table) ? std::string_view() : found->second;
}

template <size_t n>
std::string_view to_gguf(const Pair (&table)[n], std::string_view leaf) {
    const auto found = std::find_if(std::begin(table), std::end(table),
                                    [leaf](const Pair& pair) { return pair.second == leaf; });
    return found == std::end(table) ? std::string_view() : found->first;
}

// "ffn.experts.7.w1.weight" is in the stack "ffn.experts.gate_exps".
std::string stacked(std::string_view leaf) {
    const size_t end = prefix_of(leaf, "ffn.experts.");
    if (end == 0) return std::string(leaf);
    const std::string_view matrix = leaf.substr(end);
    if (matrix == "w1.weight") return "ffn.experts.gate_exps";
    if (matrix == "w3.weight") return "ffn.experts.up_exps";
    if (matrix == "w2.weight") return "ffn.experts.down_exps";
    return std::string(leaf);
}

std::string join(std::string_view a, std::string_view b) {
    return std::string(a).append(b);
}

}  // namespace

bool is_gguf_name(std::string_view name) {
    if (prefix_of(name, "blk.") != 0 || !to_official(kRoot, name).empty()) return true;
    if (!name.starts_with(kMtpPrefix)) return false;
    const std::string_view leaf = name.substr(kMtpPrefix.size());
    const std::string_view official = to_official(kLayer, leaf);
    return (!official.empty() && official != leaf) || !to_official(kMtp, leaf).empty();
}

std::string official_name_of_gguf(std::string_view name) {
    if (const auto root = to_official(kRoot, name); !root.empty()) return std::string(root);
    if (name.starts_with(kMtpPrefix)) {
        const std::string_view leaf = name.substr(kMtpPrefix.size());
        const std::string_view of_mtp = to_official(kMtp, leaf);
        const std::string_view of_layer = to_official(kLayer, leaf);
        return join(kMtpPrefix, !of_mtp.empty() ? of_mtp : !of_layer.empty() ? of_layer : leaf);
    }
    const size_t end = prefix_of(name, "blk.");
    if (end == 0) return std::string(name);
    const std::string_view leaf = name.substr(end);
    const std::string_view official = to_official(kLayer, leaf);
    return "layers." + join(name.substr(4, end - 4), official.empty() ? leaf : official);
}

std::string gguf_name_of(std::string_view official) {
    if (const auto root = to_gguf(kRoot, official); !root.empty()) return std::string(root);
    if (official.starts_with(kMtpPrefix)) {
        const std::string leaf = stacked(official.substr(kMtpPrefix.size()));
        const std::string_view of_mtp = to_gguf(kMtp, leaf);
        const std::string_view of_layer = to_gguf(kLayer, leaf);
        return join(kMtpPrefix, !of_mtp.empty() ? of_mtp : !of_layer.empty() ? of_layer : leaf);
    }
    const size_t end = prefix_of(official, "layers.");
    if (end == 0) return {};
    const std::string leaf = stacked(official.substr(end));
    const std::string_view name = to_gguf(kLayer, leaf);
    return name.empty() ? std::string() : "blk." + join(official.substr(7, end - 7), name);
}

}  // namespace engine
