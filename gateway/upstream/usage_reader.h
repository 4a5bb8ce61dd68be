#pragma once
// The usage object of a completion or chunk, in the spellings of the upstreams.
#include <simdjson.h>

#include <optional>

#include "gateway/chat/attempt.h"

namespace gateway {

// Nothing if it is no object, states neither prompt nor output, or a count of it is impossible
// (negative, not a whole number). Sizes are not judged: what holds them does that.
std::optional<Usage> read_usage(const simdjson::dom::element& usage);

// Anthropic's, whose input_tokens leave out what was cached (openai-wire 5.2). A count that is not
// said is 0; the same cases say nothing.
std::optional<Usage> read_messages_usage(const simdjson::dom::element& usage);

}  // namespace gateway
