#include "gateway/cli/config_diff.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace gateway {

namespace {

// "routes.gpt-5.5.order" begins with "routes.gpt-5.5.": names may hold dots themselves.
bool is_below(const std::string& key, const std::string& prefix) {
    return key.starts_with(prefix + ".");
}

bool any_below(const std::set<std::string>& keys, const std::string& prefix) {
    return std::ranges::any_of(keys, [&](const auto& key) { return is_below(key, prefix); });
}

bool is_concerned(const config::Route& route, const config::Config& config,
                  const std::set<std::string>& keys) {
    if (any_below(keys, "routes." + route.name)) return true;
    std::vector<size_t> endpoints = route.plan;
    if (route.canary) endpoints.push_back(route.canary->endpoint);
    return std::ranges::any_of(endpoints, [&](size_t id) {
        const config::Endpoint& endpoint = config.endpoints[id];
        return any_below(keys, "endpoints." + endpoint.name) ||
               any_below(keys, "prices." + config.prices[endpoint.price].name) ||
               (endpoint.upstream &&
                any_below(keys, "upstreams." + config.upstreams[*endpoint.upstream].name)) ||
               (endpoint.engine &&
                any_below(keys, "engines." + config.engines[*endpoint.engine].name));
    });
}

// What a running server takes from a file at its start only.
bool needs_restart(const std::string& key) {
    constexpr std::string_view kKeys[] = {"listen.address",      "listen.port",
                                          "listen.n_io_threads", "listen.half_closed_clients",
                                          "metrics.address",     "metrics.port"};
    return std::ranges::find(kKeys, key) != std::end(kKeys) || key.starts_with("ledger.") ||
           key.starts_with("engines.");
}

void print_names(const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    std::printf("%s:", what);
    for (const std::string& name : names) std::printf(" %s", name.c_str());
    std::printf("\n");
}

}  // namespace

size_t print_diff(const config::Settings& before, const config::Settings& after,
                  const config::Config& config) {
    std::set<std::string> changed;
    for (const auto& [key, value] : before)
        if (!after.contains(key) || after.at(key) != value) changed.insert(key);
    for (const auto& [key, value] : after)
        if (!before.contains(key)) changed.insert(key);
    std::vector<std::string> restart;
    for (const std::string& key : changed) {
        const auto was = before.find(key);
        const auto is = after.find(key);
        if (was == before.end())
            std::printf("+ %s: %s\n", key.c_str(), is->second.c_str());
        else if (is == after.end())
            std::printf("- %s: %s\n", key.c_str(), was->second.c_str());
        else
            std::printf("~ %s: %s -> %s\n", key.c_str(), was->second.c_str(), is->second.c_str());
        if (needs_restart(key)) restart.push_back(key);
    }
    std::vector<std::string> routes;
    for (const config::Route& route : config.routes)
        if (is_concerned(route, config, changed)) routes.push_back(route.name);
    print_names("routes concerned", routes);
    print_names("only after a restart", restart);
    if (changed.empty()) std::printf("nothing changes\n");
    return changed.size();
}

}  // namespace gateway
