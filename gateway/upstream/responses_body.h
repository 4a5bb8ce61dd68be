#pragma once
// A chat request in the dialect of OpenAI's Responses API (openai-wire 2.7).
#include <string>
#include <tl/expected.hpp>

#include "gateway/upstream/failure_class.h"
#include "gateway/upstream/reasoning_store.h"
#include "gateway/upstream/upstream_client.h"

namespace gateway {

// Reasoning items that are kept for the calls of the conversation go in front of them. Error,
// caller_fault: a part of a message that has no counterpart.
tl::expected<std::string, Failure> responses_body(const UpstreamCall& call,
                                                  const ReasoningStore& reasoning);

}  // namespace gateway
