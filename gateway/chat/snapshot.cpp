#include "gateway/chat/snapshot.h"

#include <tuple>

namespace gateway {

namespace {

// What an endpoint asks, in words that can be compared across configs.
std::tuple<std::string, std::string, std::string> identity_of(const config::Config& config,
                                                              size_t endpoint) {
    const config::Endpoint& e = config.endpoints[endpoint];
    return {e.name, e.upstream ? config.upstreams[*e.upstream].base_url : "", e.model};
}

}  // namespace

EndpointHealths carry_health(const Snapshot* before, const config::Config& next) {
    EndpointHealths healths;
    for (size_t i = 0; i < next.endpoints.size(); ++i) {
        auto& health = healths.emplace_back();
        for (size_t j = 0; before != nullptr && j < before->health.size() && !health; ++j) {
            if (identity_of(*before->config, j) == identity_of(next, i)) health = before->health[j];
        }
        if (!health) health = std::make_shared<routing::EndpointHealth>();
    }
    return healths;
}

RetryBudgets carry_budgets(const Snapshot* before, const config::Config& next) {
    RetryBudgets budgets;
    for (const config::Upstream& upstream : next.upstreams) {
        auto& budget = budgets.emplace_back();
        for (size_t j = 0; before != nullptr && j < before->budgets.size() && !budget; ++j) {
            if (before->config->upstreams[j].name == upstream.name) budget = before->budgets[j];
        }
        if (!budget) budget = std::make_shared<routing::RetryBudget>();
    }
    return budgets;
}

}  // namespace gateway
