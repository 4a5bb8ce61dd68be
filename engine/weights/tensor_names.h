#pragma once
// One name for each tensor: the official one. Checkpoints spell them the official way, as
// transformers does inside, in the mixtures that it saves, or as GGUF files do.
#include <string>
#include <string_view>

namespace engine {

// "model.layers.3.self_attn.q_a_proj.weight" gives "layers.3.attn.wq_a.weight". Fused experts keep
// their leaf: "layers.3.ffn.experts.gate_up_proj". Unknown parts stay as they are. Empty: a tensor
// to ignore.
std::string official_name(std::string_view name);

}  // namespace engine
