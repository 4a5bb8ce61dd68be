#pragma once
// The parts of a route that say who gets what.
#include "config/config.h"
#include "config/refusals.h"
#include "config/yaml_tree.h"

namespace config {

// `member` is the route's node; its plan is linked, and its endpoints' contexts.
void link_conditions(const Member& member, Route& route, const Config& config, Refusals& refusals);
void link_canary(const Node& root, const Member& member, Route& route, Refusals& refusals);

}  // namespace config
