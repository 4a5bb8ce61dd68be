#pragma once
// All the ways in which clients ask for thinking, brought to one value (thinking-tiers 7.1). For
// .cpp files only.
#include "gateway/api/request_fields.h"
#include "routing/thinking.h"

namespace gateway {

// Errors: unknown words, wrong types, and controls that contradict each other.
Fault read_thinking(const RequestFields& fields, routing::ThinkingAsk& out);

}  // namespace gateway
