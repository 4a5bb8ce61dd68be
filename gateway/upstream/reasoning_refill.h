#pragma once
// The reasoning of earlier tool calls, where DeepSeek and Kimi refuse a request without it
// (thinking-tiers 4.4).
#include <string>
#include <string_view>

#include "gateway/upstream/kept_reasoning.h"

namespace gateway {

// `messages`, a JSON array that was checked, with a reasoning_content that is not empty in every
// assistant message with calls or behind a tool message: the one that is there, else `reasoning`,
// else what is kept, else a placeholder. All else keeps its bytes.
std::string refill_reasoning(std::string_view messages, const KeptReasoning& kept);

// Whether that would need no placeholder.
bool has_all_reasoning(std::string_view messages, const KeptReasoning& kept);

}  // namespace gateway
