#include "config/linker.h"

#include <fmt/format.h>

#include "config/nearest.h"
#include "config/scalar.h"

namespace config {

const std::vector<Member>& members(const Node& node, std::string_view key) {
    static const std::vector<Member> none;
    const Member* member = find(node, key);
    return member ? member->value.members : none;
}

std::optional<size_t> resolve(const Node& root, std::string_view kind, const Node& name,
                              std::string_view path, Refusals& refusals) {
    if (name.kind != Node::Kind::scalar || name.refused) return {};  // refused by the reader
    if (refusals.full()) return {};
    std::vector<std::string_view> known;
    for (const Member& member : members(root, kind)) {
        if (member.key == name.text) return known.size();
        known.push_back(member.key);
    }
    refusals.add(name.at, path,
                 fmt::format("{} is no name below {}{}", shown(name), kind,
                             known.empty() ? "; add it there" : suggestion(name.text, known)));
    return {};
}

bool is_aligned(const Node& root, const Config& config) {
    return members(root, "engines").size() == config.engines.size() &&
           members(root, "upstreams").size() == config.upstreams.size() &&
           members(root, "endpoints").size() == config.endpoints.size() &&
           members(root, "routes").size() == config.routes.size() &&
           members(root, "prices").size() == config.prices.size();
}

namespace {

// A name below `kind` that nothing else uses; told only if every use of the kind could be resolved.
void check_used(const Node& root, std::string_view kind, const std::vector<bool>& used,
                std::string_view cure, Refusals& refusals) {
    const auto& nodes = members(root, kind);
    for (size_t i = 0; i < nodes.size() && i < used.size(); ++i) {
        if (used[i]) continue;
        refusals.add(nodes[i].at, fmt::format("{}.{}", kind, nodes[i].key),
                     fmt::format("is used by nothing; {} or remove it", cure));
    }
}

bool every_interface(std::string_view address) {
    return address == "0.0.0.0" || address == "::";
}

}  // namespace

void link_listen(const Node& root, Config& config) {
    const Member* listen = find(root, "listen");
    const Member* origins = listen ? find(listen->value, "cors_origins") : nullptr;
    if (origins == nullptr) return;
    for (const Node& item : origins->value.items) {
        if (item.kind == Node::Kind::scalar && !item.refused)
            config.listen.cors_origins.push_back(item.text);
    }
}

void link_metrics(const Node& root, Config& config) {
    const Member* metrics = find(root, "metrics");
    const Member* accounts = metrics && config.metrics ? find(metrics->value, "accounts") : nullptr;
    if (accounts == nullptr) return;
    for (const Node& item : accounts->value.items) {
        if (item.kind == Node::Kind::scalar && !item.refused)
            config.metrics->accounts.push_back(item.text);
    }
}

std::optional<size_t> place_in_plan(const Member& member, const std::string& path,
                                    const Route& route, const Config& config, Refusals& refusals) {
    std::vector<std::string_view> names;
    for (size_t i = 0; i < route.plan.size(); ++i) {
        names.push_back(config.endpoints[route.plan[i]].name);
        if (names.back() == member.key) return i;
    }
    refusals.add(member.at, path, "is not in the plan" + suggestion(member.key, names));
    return std::nullopt;
}

constexpr size_t kSocketPathBytesMax = 107;  // of sockaddr_un, which ends with a zero

void check_whole(const Node& root, const Config& config, Refusals& refusals) {
    if (config.listen.socket.size() > kSocketPathBytesMax) {
        const Member* listen = find(root, "listen");
        refusals.add(find(listen->value, "socket")->at, "listen.socket",
                     fmt::format("has {} bytes; the path of a socket has at most {}",
                                 config.listen.socket.size(), kSocketPathBytesMax));
    }
    if (config.metrics && config.metrics->port != 0 && config.metrics->port == config.listen.port &&
        (config.metrics->address == config.listen.address ||
         every_interface(config.metrics->address) || every_interface(config.listen.address))) {
        const Member* metrics = find(root, "metrics");
        const Member* port = find(metrics->value, "port");
        refusals.add(port ? port->at : metrics->at, "metrics.port",
                     "is the port of listen; choose another");
    }
    if (refusals.any_at("endpoints") || refusals.any_at("routes")) return;
    std::vector<bool> engines(config.engines.size()), upstreams(config.upstreams.size());
    std::vector<bool> prices(config.prices.size()), endpoints(config.endpoints.size());
    for (const Endpoint& endpoint : config.endpoints) {
        if (endpoint.engine) engines[*endpoint.engine] = true;
        if (endpoint.upstream) upstreams[*endpoint.upstream] = true;
        prices[endpoint.price] = true;
    }
    for (const Route& route : config.routes) {
        for (const size_t endpoint : route.plan) endpoints[endpoint] = true;
        if (route.canary) endpoints[route.canary->endpoint] = true;
    }
    check_used(root, "engines", engines, "name it in an endpoint's engine", refusals);
    check_used(root, "upstreams", upstreams, "name it in an endpoint's upstream", refusals);
    check_used(root, "prices", prices, "name it in an endpoint's price", refusals);
    check_used(root, "endpoints", endpoints, "name it in a route's plan", refusals);
}

}  // namespace config
