#pragma once
// The thinking table of one endpoint: the shipped one, with what endpoints.<name>.thinking says
// else.
#include <span>

#include "config/linker.h"

namespace config {

// `node` is the endpoint, read already; `path` is endpoints.<name>.
void link_thinking(const Node& node, const std::string& path, const Config& config,
                   Endpoint& endpoint, Refusals& refusals);

// "none, low, high", for messages.
std::string words(std::span<const Effort> efforts);

}  // namespace config
