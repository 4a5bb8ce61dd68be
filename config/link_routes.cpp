#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "config/link_conditions.h"
#include "config/linker.h"
#include "config/scalar.h"

namespace config {

namespace {

void link_plan(const Node& root, const Member& member, Route& route, Refusals& refusals) {
    const Member* plan = find(member.value, "plan");
    if (!plan) return;
    const std::string path = fmt::format("routes.{}.plan", member.key);
    for (const Node& item : plan->value.items) {
        const auto endpoint = resolve(root, "endpoints", item, path, refusals);
        if (endpoint) route.plan.push_back(*endpoint);
    }
}

void check_quality(const Member& order, const std::string& path, const Route& route,
                   const Config& config, Refusals& refusals) {
    if (route.balance.quality == 0) return;
    for (const size_t endpoint : route.plan) {
        if (config.endpoints[endpoint].quality > 0) continue;
        refusals.add(order.value.at, path + ".order",
                     fmt::format("needs the quality of each endpoint; write endpoints.{}.quality",
                                 config.endpoints[endpoint].name));
        return;
    }
}

void check_balance(const Member& balance, const std::string& path, const Route& route,
                   Refusals& refusals) {
    const std::string below = path + ".balance";
    if (route.order != PlanOrder::automatic) {
        refusals.add(balance.at, below, "is for order: auto");
    } else if (route.balance.cost + route.balance.latency + route.balance.quality == 0) {
        refusals.add(balance.at, below, "counts nothing; write a number above 0 for one of them");
    }
}

void link_order(const Member& member, Route& route, Refusals& refusals, const Config& config) {
    const std::string path = fmt::format("routes.{}", member.key);
    const Member* order = find(member.value, "order");
    if (order && !order->is_default && route.order != PlanOrder::listed && route.plan.size() == 1 &&
        find(member.value, "plan")->value.items.size() == 1) {
        refusals.add(order->at, path + ".order",
                     "can order nothing, the plan has one endpoint; add another or remove it");
    }
    if (route.order == PlanOrder::automatic) check_quality(*order, path, route, config, refusals);
    const Member* balance = find(member.value, "balance");
    if (balance) check_balance(*balance, path, route, refusals);
    const bool is_weighted = route.order == PlanOrder::weighted;
    const Member* sticky = find(member.value, "sticky");
    if (sticky && !sticky->is_default && !is_weighted)
        refusals.add(sticky->at, path + ".sticky", "is for order: weighted");
    route.weights.assign(route.plan.size(), 1);
    const Member* weights = find(member.value, "weights");
    if (!weights || weights->value.kind != Node::Kind::map) return;
    if (!is_weighted) refusals.add(weights->at, path + ".weights", "is for order: weighted");
    for (const Member& item : weights->value.members) {
        const auto place = place_in_plan(item, fmt::format("{}.weights.{}", path, item.key), route,
                                         config, refusals);
        if (!place) continue;
        Key number{};
        number.type = Type::integer;
        number.max = std::numeric_limits<int64_t>::max();
        if (const auto read = read_scalar(number, item.value)) route.weights[*place] = read->number;
    }
}

// Whether some endpoint of the plan takes what is asked for, though it may be as another tier,
// which is told.
bool any_takes(const Route& route, const Config& config, std::string_view word) {
    return std::any_of(route.plan.begin(), route.plan.end(), [&](size_t id) {
        const ThinkingTable& table = config.endpoints[id].thinking;
        const auto effort = parse_effort(word);
        const ThinkingRule& rule = effort ? table.efforts[static_cast<size_t>(*effort)] : table.on;
        return rule.action != ThinkingRule::Action::refuse;
    });
}

// Else every request that says nothing would be an error.
void check_thinking(const Member& member, const Route& route, const Config& config,
                    Refusals& refusals) {
    const Member* thinking = find(member.value, "thinking");
    if (!thinking || route.thinking.empty() || route.plan.empty()) return;
    if (refusals.any_at("endpoints") || any_takes(route, config, route.thinking)) return;
    std::string words;
    for (size_t i = 0; i < kEffortCount; ++i) {
        const std::string_view word = to_string(static_cast<Effort>(i));
        if (any_takes(route, config, word))
            words += fmt::format("{}{}", words.empty() ? "" : ", ", word);
    }
    refusals.add(thinking->value.at, fmt::format("routes.{}.thinking", member.key),
                 fmt::format("no endpoint of the plan takes {}; {}", route.thinking,
                             words.empty() ? "remove it" : "write one of " + words));
}

void check_retries(const Member& member, const Route& route, const Config& config,
                   Refusals& refusals) {
    if (route.n_retries_max == 0 || route.plan.empty() || refusals.any_at("endpoints")) return;
    const bool any_remote = std::any_of(route.plan.begin(), route.plan.end(), [&](size_t id) {
        return config.endpoints[id].upstream.has_value();
    });
    if (any_remote || route.canary) return;
    refusals.add(find(member.value, "n_retries_max")->at,
                 fmt::format("routes.{}.n_retries_max", member.key),
                 "is for endpoints at an upstream, the plan has none; remove it");
}

void link_fall_back(const Member& member, Route& route, Refusals& refusals) {
    const Member* classes = find(member.value, "fall_back_on");
    if (!classes) return;
    for (const Node& item : classes->value.items) {
        const auto failure = parse_failure_class(item.text);
        if (failure) route.fall_back_on[static_cast<size_t>(*failure)] = true;
    }
    if (!classes->is_default && route.plan.size() == 1 && !find(member.value, "canary") &&
        find(member.value, "plan")->value.items.size() == 1) {
        refusals.add(classes->at, fmt::format("routes.{}.fall_back_on", member.key),
                     "can match nothing, the plan has one endpoint; add another or remove it");
    }
}

void link_aliases(const Node& root, const Member& member, size_t index, Config& config,
                  Refusals& refusals) {
    const Member* aliases = find(member.value, "aliases");
    if (!aliases) return;
    const std::string path = fmt::format("routes.{}.aliases", member.key);
    for (const Node& item : aliases->value.items) {
        if (item.kind != Node::Kind::scalar || item.refused) continue;
        const auto [taken, is_new] = config.route_by_model.emplace(item.text, index);
        if (is_new) {
            config.routes[index].aliases.push_back(item.text);
        } else if (taken->second != index || item.text == member.key) {
            refusals.add(item.at, path,
                         fmt::format("{} is already taken by route {}; choose another", shown(item),
                                     members(root, "routes")[taken->second].key));
        }  // else: twice in this list, refused by the reader
    }
}

}  // namespace

void link_routes(const Node& root, Config& config, Refusals& refusals) {
    const auto& nodes = members(root, "routes");
    for (size_t i = 0; i < config.routes.size(); ++i) {
        config.route_by_model.emplace(config.routes[i].name, i);
        link_plan(root, nodes[i], config.routes[i], refusals);
        link_order(nodes[i], config.routes[i], refusals, config);
        link_canary(root, nodes[i], config.routes[i], refusals);
        link_conditions(nodes[i], config.routes[i], config, refusals);
        check_thinking(nodes[i], config.routes[i], config, refusals);
        check_retries(nodes[i], config.routes[i], config, refusals);
        link_fall_back(nodes[i], config.routes[i], refusals);
    }
    // Second: a name wins over an alias, wherever it stands.
    for (size_t i = 0; i < config.routes.size(); ++i) {
        link_aliases(root, nodes[i], i, config, refusals);
    }
}

}  // namespace config
