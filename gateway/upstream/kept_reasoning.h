#pragma once
// Reasoning that goes back to an upstream with the tool calls it led to: what of it is kept, and
// where it stands in a chat request.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/chat_request.h"
#include "gateway/upstream/reasoning_store.h"
#include "routing/router.h"

namespace gateway {

// Whether the endpoint wants it back: thinking-tiers 4.4 and 5.3.
bool wants_reasoning_back(config::UpstreamKind kind, const routing::PlannedAttempt& attempt);
bool wants_reasoning_back(config::UpstreamKind kind, config::UpstreamApi api, config::Effort tier);

// Whether the conversation may hold tool calls: a look that costs little.
bool may_hold_calls(const ChatRequest& request);

// Never below the tokens that sending it back adds to the prompt.
int64_t n_kept_tokens_max(const ChatRequest& request, const ReasoningStore& store, uint64_t account,
                          std::string_view endpoint);

// `messages`, a JSON array, with reasoning_content in every assistant's message that calls tools
// and has none: what is kept, else a word in its place, for without it DeepSeek refuses.
std::string with_kept_reasoning(std::string_view messages, const ReasoningStore& store,
                                uint64_t account, std::string_view endpoint);

}  // namespace gateway
