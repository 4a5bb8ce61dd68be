#include "gateway/api/models.h"

#include <algorithm>

#include "gateway/api/json_text.h"
#include "routing/router.h"

namespace gateway {

namespace {

// Clients want an integer; a model's date is not known to the config.
constexpr int64_t kCreated = 1'767'225'600;  // 2026-01-01T00:00:00Z

// The tiers that some endpoint of the route keeps as they are asked for.
std::string reasoning_efforts(const config::Config& config, const config::Route& route) {
    std::string out = "[";
    for (size_t i = 0; i < config::kEffortCount; ++i) {
        const auto effort = static_cast<config::Effort>(i);
        const routing::ThinkingAsk ask{routing::ThinkingAsk::Kind::effort, effort, 0};
        const bool held = std::any_of(route.plan.begin(), route.plan.end(), [&](size_t id) {
            const config::Endpoint& endpoint = config.endpoints[id];
            const auto kept = routing::effective_thinking(ask, endpoint.thinking, endpoint.n_ctx);
            return kept && kept->degraded == routing::Thinking::Reason::none;
        });
        if (!held) continue;
        if (out.size() > 1) out += ',';
        append_json_string(out, config::to_string(effort));
    }
    return out += ']';
}

// What a request that says nothing of thinking gets from the first endpoint that takes it.
std::string default_effort(const config::Config& config, const config::Route& route) {
    const routing::ThinkingAsk ask = routing::ask_of({}, route);
    for (const size_t id : route.plan) {
        const config::Endpoint& endpoint = config.endpoints[id];
        const auto kept = routing::effective_thinking(ask, endpoint.thinking, endpoint.n_ctx);
        if (kept) return std::string(config::to_string(kept->tier));
    }
    return "none";
}

void append_entry(std::string& out, const config::Config& config, std::string_view name,
                  const config::Route& route) {
    int64_t n_ctx = 0, n_output = 0;
    for (const size_t id : route.plan) {
        n_ctx = std::max(n_ctx, config.endpoints[id].n_ctx);
        n_output = std::max(n_output, config.endpoints[id].output_tokens_max);
    }
    out += R"({"id":)";
    append_json_string(out, name);
    out += R"(,"object":"model","created":)";
    append_number(out, kCreated);
    out += R"(,"owned_by":"weir","context_length":)";
    append_number(out, n_ctx);
    out += R"(,"max_output_tokens":)";
    append_number(out, n_output);
    out += R"(,"reasoning_efforts":)";
    out += reasoning_efforts(config, route);
    out += R"(,"default_reasoning_effort":)";
    append_json_string(out, default_effort(config, route));
    out += '}';
}

}  // namespace

std::string models_list(const config::Config& config, const billing::KeyScope* scope) {
    std::string out = R"({"object":"list","data":[)";
    for (const auto& [name, route] : config.route_by_model) {  // a map: sorted
        if (scope && !scope->allows_route(config.routes[route].name)) continue;
        if (out.back() != '[') out += ',';
        append_entry(out, config, name, config.routes[route]);
    }
    return out += "]}";
}

tl::expected<std::string, ApiError> model_entry(const config::Config& config,
                                                std::string_view model,
                                                const billing::KeyScope* scope) {
    const auto found = config.route_by_model.find(model);
    const bool is_there = found != config.route_by_model.end() &&
                          (!scope || scope->allows_route(config.routes[found->second].name));
    if (!is_there) return tl::unexpected(model_unknown(model));
    std::string out;
    append_entry(out, config, found->first, config.routes[found->second]);
    return out;
}

}  // namespace gateway
