#pragma once
// GGUF's tensor names and the official ones.
#include <string>
#include <string_view>

namespace engine {

bool is_gguf_name(std::string_view name);
// "blk.3.attn_q_a.weight" gives "layers.3.attn.wq_a.weight", "mtp.0.attn_q_a.weight" (as ds4 writes
// it) "mtp.0.attn.wq_a.weight"; stacked experts become "layers.3.ffn.experts.gate_exps". Unknown
// leaves stay as they are.
std::string official_name_of_gguf(std::string_view name);
// The other way, for what a GGUF file can hold. Of an expert's matrix: the stack it stands in.
// Empty: no name.
std::string gguf_name_of(std::string_view official);

}  // namespace engine
