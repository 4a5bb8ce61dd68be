#pragma once
// A chat request in the dialect of Anthropic's Messages API (openai-wire 5.1, 5.8; thinking-tiers
// 6).
#include <string>
#include <tl/expected.hpp>

#include "gateway/upstream/failure_class.h"
#include "gateway/upstream/reasoning_store.h"
#include "gateway/upstream/upstream_client.h"

namespace gateway {

// Thinking blocks that are kept for the calls of the conversation go back in their place. What only
// labels a request or hints at caches (metadata but user_id, store, prompt_cache_*, detail of
// images) is left out. Error, caller_fault: something in a message, a tool or a cache_control that
// has no counterpart, or no message that is not a system's.
tl::expected<std::string, Failure> messages_body(const UpstreamCall& call,
                                                 const ReasoningStore& reasoning);

}  // namespace gateway
