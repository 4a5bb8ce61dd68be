#pragma once
// The body of one attempt: the client's own bytes with the members replaced that are ours to say:
// model, usage, output limit and thinking, reasoning that was kept for its calls included.
#include <string>

#include "gateway/upstream/reasoning_store.h"
#include "gateway/upstream/upstream_client.h"

namespace gateway {

std::string upstream_body(const UpstreamCall& call, const ReasoningStore& reasoning);

}  // namespace gateway
