#pragma once
// From names to indices, and the rules that more than one key takes part in. Runs after the reader,
// on the same tree; the entries of a Config stand in the order of their nodes.
#include "config/config.h"
#include "config/refusals.h"
#include "config/yaml_tree.h"

namespace config {

// Whether every name of the tree has its entry, which the functions below need. Only false after a
// refusal.
bool is_aligned(const Node& root, const Config& config);
// Endpoints: what they run on, cost and hold, and how they think.
void link_endpoints(const Node& root, Config& config, Refusals& refusals);
// Routes: plans, aliases, fall-back classes.
void link_routes(const Node& root, Config& config, Refusals& refusals);
// Origins that browsers may ask from.
void link_listen(const Node& root, Config& config);
// Accounts that metrics may name.
void link_metrics(const Node& root, Config& config);
// What no route leads to, and listeners in each other's way.
void check_whole(const Node& root, const Config& config, Refusals& refusals);
// Prices: versions, windows, tiers, all their figures.
void link_prices(const Node& root, Config& config, Refusals& refusals);

// The index of `name` among the names below the top-level key `kind`. Nothing, and one refusal that
// names the nearest, if there is none.
std::optional<size_t> resolve(const Node& root, std::string_view kind, const Node& name,
                              std::string_view path, Refusals& refusals);

// Which place of the route's plan the member is about, by its key. Nothing, and one refusal, if
// that is not in the plan.
std::optional<size_t> place_in_plan(const Member& member, const std::string& path,
                                    const Route& route, const Config& config, Refusals& refusals);

// The members of the map below `key`; none if there is no such map.
const std::vector<Member>& members(const Node& node, std::string_view key);

}  // namespace config
