#include "gateway/chat/show.h"

#include <algorithm>
#include <cmath>

namespace gateway {

namespace {

using nlohmann::ordered_json;

ordered_json list() {
    return ordered_json::array();
}

// Only what is set.
ordered_json rate_limit_of(const config::RateLimit& limit) {
    ordered_json json = ordered_json::object();
    if (limit.requests_per_minute > 0) json["requests_per_minute"] = limit.requests_per_minute;
    if (limit.tokens_per_minute > 0) json["tokens_per_minute"] = limit.tokens_per_minute;
    if (limit.n_running_max > 0) json["n_running_max"] = limit.n_running_max;
    return json;
}

void add_rate_limits(ordered_json& json, const config::RateLimits& limits) {
    if (limits.key.is_set()) json["limits_of_each_key"] = rate_limit_of(limits.key);
    if (limits.account.is_set()) json["limits_of_each_account"] = rate_limit_of(limits.account);
}

// To a thousandth; null of what is not known.
ordered_json known(double value) {
    if (value == 0) return nullptr;
    return std::round(value * 1'000) / 1'000;
}

ordered_json show_route(const config::Config& config, const config::Route& route) {
    ordered_json json{{"name", route.name},
                      {"aliases", route.aliases},
                      {"order", to_string(route.order)},
                      {"plan", list()}};
    ordered_json conditional = list();
    for (size_t i = 0; i < route.plan.size(); ++i) {
        const std::string& name = config.endpoints[route.plan[i]].name;
        json["plan"].push_back(name);
        if (route.conditions.empty()) continue;
        const config::Condition& condition = route.conditions[i];
        const bool is_set = !condition.labels.empty() || !condition.headers.empty() ||
                            condition.hours || condition.prompt_tokens_min > 0 ||
                            condition.prompt_tokens_max != INT64_MAX;
        if (is_set) conditional.push_back(name);
    }
    if (!conditional.empty()) json["conditional"] = std::move(conditional);
    if (route.canary) json["canary"] = config.endpoints[route.canary->endpoint].name;
    if (route.n_retries_max > 0) json["n_retries_max"] = route.n_retries_max;
    add_rate_limits(json, route.rate_limits);
    return json;
}

}  // namespace

ordered_json show_ledger(const billing::Billing& billing, const config::Config& config) {
    const billing::Counters counters = billing.counters();
    return {{"path", config.ledger.path},
            {"available", counters.available},
            {"reservations_open", counters.n_reservations_open},
            {"reserved_usd", config::to_string(counters.reserved)},
            {"entries_queued", counters.n_entries_queued},
            {"entries_queued_max", config.ledger.n_queued_max},
            {"commits_failed", counters.n_commits_failed}};
}

ordered_json show_limits(const config::Config& config) {
    ordered_json limits = ordered_json::object();
    add_rate_limits(limits, config.limits.rate_limits);
    return limits;
}

ordered_json show_routes(const config::Config& config) {
    ordered_json routes = list();
    for (const config::Route& route : config.routes) routes.push_back(show_route(config, route));
    return routes;
}

ordered_json show_endpoints(const Snapshot& snapshot, TimePoint now) {
    const config::Config& config = *snapshot.config;
    ordered_json endpoints = list();
    for (size_t i = 0; i < config.endpoints.size(); ++i) {
        const config::Endpoint& endpoint = config.endpoints[i];
        const routing::EndpointSight sight = snapshot.health[i]->peek(now);
        ordered_json json{{"name", endpoint.name}};
        if (endpoint.engine) {
            json["engine"] = config.engines[*endpoint.engine].name;
        } else {
            json["upstream"] = config.upstreams[*endpoint.upstream].name;
            json["model"] = endpoint.model;
        }
        json["price"] = config.prices[endpoint.price].name;
        json["breaker"] = to_string(sight.breaker);
        json["running"] = sight.n_running;
        json["first_token_s"] = known(sight.first_token_s);
        json["tokens_per_s"] = known(sight.tokens_per_s);
        endpoints.push_back(std::move(json));
    }
    return endpoints;
}

ordered_json show_upstreams(const Snapshot& snapshot, const UpstreamSights& sights, TimePoint now) {
    ordered_json upstreams = list();
    for (size_t i = 0; i < snapshot.budgets.size(); ++i) {
        const config::Upstream& upstream = snapshot.config->upstreams[i];
        const routing::RetryBudget::View view = snapshot.budgets[i]->view(now);
        upstreams.push_back(
            {{"name", upstream.name},
             {"kind", to_string(upstream.kind)},
             {"base_url", upstream.base_url},
             {"inflight", sights.inflight.n_inflight(upstream.name)},
             {"waiting", sights.inflight.n_waiting()[upstream.name]},
             {"keys", std::max<size_t>(upstream.api_keys.size(), 1)},
             {"keys_resting", sights.keys.n_resting(upstream.name, upstream.api_keys, now)},
             {"inflight_max", upstream.n_inflight_max},
             {"requests_10s", view.n_requests},
             {"further_attempts_10s", view.n_further},
             {"retries_left", view.n_left()}});
    }
    return upstreams;
}

ordered_json show_engines(const Snapshot& snapshot) {
    ordered_json engines = list();
    for (size_t i = 0; i < snapshot.engines.size(); ++i) {
        const config::Engine& engine = snapshot.config->engines[i];
        const engine::Stats stats = snapshot.engines[i]->stats();
        engines.push_back({{"name", engine.name},
                           {"model", engine.model},
                           {"sequences", stats.n_sequences_live},
                           {"sequences_max", engine.n_sequences_max},
                           {"waiting", stats.n_sequences_waiting},
                           {"waiting_max", engine.n_queued_max},
                           {"kv_tokens", stats.n_kv_tokens},
                           {"prefix_cache_bytes", stats.prefix_cache_bytes},
                           {"prefix_cache_bytes_max", engine.prefix_cache_bytes_max}});
    }
    return engines;
}

}  // namespace gateway
