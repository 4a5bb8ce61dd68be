#pragma once
// What a request sees of the configuration: taken once, kept to its end, never changed.
#include <memory>
#include <vector>

#include "config/config.h"
#include "engine/engine.h"
#include "gateway/telemetry/metrics.h"
#include "routing/endpoint_health.h"
#include "routing/retry_budget.h"

namespace gateway {

using EndpointHealths = std::vector<std::shared_ptr<routing::EndpointHealth>>;
using RetryBudgets = std::vector<std::shared_ptr<routing::RetryBudget>>;

struct Snapshot {
    std::shared_ptr<const config::Config> config;
    std::vector<engine::Engine*>
        engines;  // by index of config->engines; they outlive every snapshot
    std::unique_ptr<MetricChildren> metrics;
    EndpointHealths health;  // by index of config->endpoints; shared with the snapshots around
    RetryBudgets budgets;    // by index of config->upstreams; shared too
};

// What was learnt of an endpoint goes on after a reload, if it asks the same model in the same
// place. `before` may be null.
EndpointHealths carry_health(const Snapshot* before, const config::Config& next);
// The same of upstreams, by their names.
RetryBudgets carry_budgets(const Snapshot* before, const config::Config& next);

}  // namespace gateway
