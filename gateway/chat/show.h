#pragma once
// What a running gateway knows of its ledger, routes, endpoints, upstreams and engines, as the
// parts of what `weir show` prints. Holds no secret.
#include <chrono>
#include <nlohmann/json.hpp>

#include "billing/billing.h"
#include "gateway/chat/snapshot.h"
#include "gateway/upstream/inflight.h"
#include "gateway/upstream/upstream_keys.h"

namespace gateway {

struct UpstreamSights {
    InflightCounts& inflight;
    const UpstreamKeys& keys;
};

nlohmann::ordered_json show_ledger(const billing::Billing& billing, const config::Config& config);
// Of each key and account, over all routes; what is not set is left out.
nlohmann::ordered_json show_limits(const config::Config& config);
nlohmann::ordered_json show_routes(const config::Config& config);
nlohmann::ordered_json show_endpoints(const Snapshot& snapshot, TimePoint now);
// With what is left of their retry budgets.
nlohmann::ordered_json show_upstreams(const Snapshot& snapshot, const UpstreamSights& sights,
                                      TimePoint now);
nlohmann::ordered_json show_engines(const Snapshot& snapshot);

}  // namespace gateway
