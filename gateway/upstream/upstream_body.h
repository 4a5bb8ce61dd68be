#pragma once
// The body of one attempt: the client's own bytes with the members replaced that are ours to say:
// model, usage, output limit and thinking.
#include <string>

#include "gateway/upstream/upstream_client.h"

namespace gateway {

std::string upstream_body(const UpstreamCall& call);

}  // namespace gateway
