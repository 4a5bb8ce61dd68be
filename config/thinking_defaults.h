#pragma once
// The thinking tables that ship with Weir, and the tiers each can hold. A row that gives another
// tier than was asked for is a visible degradation (thinking-tiers 7.2).
#include <span>

#include "config/config.h"

namespace config {

// Below this context size the strongest prefix of a local encoding has no room.
inline constexpr int64_t kCtxForMax = 393'216;

// `on` and `absent` become `default_effort`, one of tiers(encoding) but none.
ThinkingTable local_thinking(Encoding encoding, Effort default_effort);
// What a row may become at such an engine, in rising order, `none` first.
std::span<const Effort> tiers(Encoding encoding);

// A table for upstreams, by the name that thinking.like has for it.
struct ShippedThinking {
    std::string_view name;
    std::span<const Effort> tiers;  // what a row may become, in rising order
    ThinkingTable table;
};
std::span<const ShippedThinking> shipped_thinking();
// In the order of shipped_thinking().
inline constexpr std::string_view kThinkingNames[] = {
    "deepseek",        "gpt-5.5",        "gpt-5.5-pro",    "gpt-5.4",          "gpt-5.3-codex",
    "kimi-k2.6",       "glm-5.1",        "glm-5.3",        "claude-4.7",       "claude-4.6",
    "claude-4.5",      "gemini-3.1-pro", "gemini-3-flash", "vllm-v4",          "openrouter",
    "enable_thinking", "anthropic",      "openai",         "openai_compatible"};
// Nothing if no table has this name.
const ShippedThinking* shipped_thinking(std::string_view name);
// By the model's exact name there, else by the kind's own table: a name never decides by how it
// looks.
const ShippedThinking& shipped_thinking(UpstreamKind kind, std::string_view model);

// A model whose table is known by its name.
struct KnownModel {
    UpstreamKind kind;
    std::string_view model;     // as the upstream calls it
    std::string_view thinking;  // one of kThinkingNames
};
std::span<const KnownModel> known_models();

// A budget in tokens as the tier that it comes to, and the budget that stands for a tier.
Effort tier_of_budget(int64_t n_tokens);
int64_t budget_of_tier(Effort tier);

}  // namespace config
