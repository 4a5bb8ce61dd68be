#pragma once
// The thinking tables that ship with Weir, by kind of endpoint, and the tiers each kind can hold.
// A row that gives another tier than was asked for is a visible degradation (thinking-tiers 7.2).
#include <span>

#include "config/config.h"

namespace config {

// Below this context size the strongest prefix of a local encoding has no room.
inline constexpr int64_t kCtxForMax = 393'216;

// `on` and `absent` become `default_effort`, one of tiers(encoding) but none.
ThinkingTable local_thinking(Encoding encoding, Effort default_effort);

// deepseek: three tiers. openai: the tiers of gpt-5.5. openai_compatible: every word as it is; what
// "nothing said" means there is the server's own, reported as high, and "on" asks for high by name.
ThinkingTable upstream_thinking(UpstreamKind kind);

// What a row may become at such an endpoint, in rising order, `none` first.
std::span<const Effort> tiers(Encoding encoding);
std::span<const Effort> tiers(UpstreamKind kind);

}  // namespace config
