#include <fmt/format.h>

#include <algorithm>

#include "config/link_thinking.h"
#include "config/linker.h"
#include "config/thinking_defaults.h"
#include "config/url.h"

namespace config {

namespace {

constexpr int64_t kRemoteOutputDefault = 4'096;
constexpr int64_t kLocalOutputDefault = 1'024;

class EndpointLinker {
public:
    EndpointLinker(const Node& root, Config& config, Refusals& refusals)
        : root_(root), config_(config), refusals_(refusals) {}

    void link(const Member& member, Endpoint& endpoint) {
        const std::string path = "endpoints." + member.key;
        if (member.value.kind != Node::Kind::map) return;  // refused by the reader
        const Node& node = member.value;
        if (const Member* price = find(node, "price")) {
            if (const auto index = resolve_at(*price, "prices", path)) endpoint.price = *index;
        }
        const Member* engine = find(node, "engine");
        const Member* upstream = find(node, "upstream");
        if (!engine == !upstream) {
            refusals_.add(member.at, path,
                          engine ? "has both engine and upstream; remove one"
                                 : "has neither engine nor upstream; write one of them");
            return;
        }
        if (engine) {
            endpoint.engine = resolve_at(*engine, "engines", path);
            if (endpoint.engine) local(node, path, endpoint);
        } else {
            endpoint.upstream = resolve_at(*upstream, "upstreams", path);
            remote(member, path, endpoint);
        }
        if (!refusals_.any_at(path)) check_output(node, path, endpoint);
    }

private:
    std::optional<size_t> resolve_at(const Member& member, std::string_view kind,
                                     const std::string& path) {
        return resolve(root_, kind, member.value, path + "." + member.key, refusals_);
    }

    void local(const Node& node, const std::string& path, Endpoint& endpoint) {
        const Engine& engine = config_.engines[*endpoint.engine];
        const auto misplaced = [&](std::string_view key, std::string_view cure) {
            const Member* written = find(node, key);
            if (!written) return;
            refusals_.add(written->at, fmt::format("{}.{}", path, key),
                          fmt::format("does not go with engine; {}", cure));
        };
        misplaced("model", "remove it");
        misplaced("api", "remove it");
        misplaced("capabilities", "remove it, what an engine can do is known");
        misplaced("n_ctx", fmt::format("set engines.{}.n_ctx", engine.name));
        endpoint.model = endpoint.name;
        endpoint.n_ctx = engine.n_ctx;
        if (!find(node, "output_tokens_max")) endpoint.output_tokens_max = engine.n_ctx;
        if (!find(node, "output_tokens_default")) {
            endpoint.output_tokens_default =
                std::min({kLocalOutputDefault, engine.n_ctx / 2, endpoint.output_tokens_max});
        }
        link_thinking(node, path, config_, endpoint, refusals_);
    }

    static void link_capabilities(const Node& node, Endpoint& endpoint) {
        const Member* written = find(node, "capabilities");
        endpoint.capabilities.fill(written == nullptr);
        if (!written) return;
        for (size_t i = 0; i < kCapabilityCount; ++i) {
            const std::string_view word = to_string(static_cast<Capability>(i));
            for (const Node& item : written->value.items)
                if (item.text == word) endpoint.capabilities[i] = true;
        }
    }

    void remote(const Member& member, const std::string& path, Endpoint& endpoint) {
        const Node& node = member.value;
        for (const std::string_view key : {"model", "n_ctx", "output_tokens_max"}) {
            if (find(node, key)) continue;
            refusals_.add(member.at, fmt::format("{}.{}", path, key),
                          "is missing; an endpoint with upstream needs it");
        }
        if (!find(node, "output_tokens_default")) {
            endpoint.output_tokens_default =
                std::min(kRemoteOutputDefault, endpoint.output_tokens_max);
        }
        link_capabilities(node, endpoint);
        if (endpoint.upstream) check_api(node, path, endpoint);
        link_thinking(node, path, config_, endpoint, refusals_);
    }

    void check_api(const Node& node, const std::string& path, const Endpoint& endpoint) {
        const UpstreamKind kind = config_.upstreams[*endpoint.upstream].kind;
        const bool is_offered = endpoint.api == UpstreamApi::automatic ||
                                (kind == UpstreamKind::deepseek ? endpoint.api == UpstreamApi::chat
                                                                : kind != UpstreamKind::anthropic);
        if (is_offered) return;
        refusals_.add(find(node, "api")->value.at, path + ".api",
                      fmt::format("is not offered by kind {}; remove it", to_string(kind)));
    }

    void check_output(const Node& node, const std::string& path, const Endpoint& endpoint) {
        const auto refuse = [&](std::string_view key, std::string why) {
            const Member* member = find(node, key);
            refusals_.add(member->value.at, fmt::format("{}.{}", path, key), std::move(why));
        };
        if (endpoint.output_tokens_max > endpoint.n_ctx) {
            refuse("output_tokens_max",
                   fmt::format("is above the context of {}; lower it", endpoint.n_ctx));
        } else if (endpoint.output_tokens_default > endpoint.output_tokens_max) {
            refuse("output_tokens_default", fmt::format("is above output_tokens_max {}; lower it",
                                                        endpoint.output_tokens_max));
        }
    }

    const Node& root_;
    Config& config_;
    Refusals& refusals_;
};

// The default tier is one the encoding tells apart, that thinks, and that the context has room for.
void check_engine(const Member& member, const Engine& engine, Refusals& refusals) {
    const Member* written = find(member.value, "default_effort");
    if (!written || !engine.default_effort) return;
    const Effort effort = *engine.default_effort;
    const std::string path = fmt::format("engines.{}.default_effort", member.key);
    const auto known = tiers(engine.encoding).subspan(1);
    if (std::find(known.begin(), known.end(), effort) == known.end()) {
        refusals.add(written->value.at, path,
                     fmt::format("is not a tier of the encoding; write one of {}", words(known)));
    } else if (effort > Effort::high && engine.n_ctx < kCtxForMax) {
        refusals.add(written->value.at, path,
                     fmt::format("needs n_ctx of at least {}; raise it or write high", kCtxForMax));
    }
}

void check_passage(const Member& member, const Upstream& upstream, Refusals& refusals) {
    const std::string path = fmt::format("upstreams.{}", member.key);
    const std::string& proxy_url = upstream.proxy.reveal();
    if (const Member* proxy = find(member.value, "proxy"); proxy && !proxy->value.refused) {
        if (auto fault = proxy_fault(proxy_url)) {
            refusals.add(proxy->value.at, path + ".proxy", std::move(*fault));
        } else if (proxy_url.find('@') != proxy_url.npos && proxy->value.expanded_from.empty()) {
            refusals.add(proxy->value.at, path + ".proxy",
                         "a password never stands in the file; write \"${env:NAME}\" or "
                         "\"${file:PATH}\"");
        }
    }
    const Member* tls = find(member.value, "tls");
    if (tls == nullptr) return;
    if (upstream.base_url.starts_with("http:"))
        refusals.add(tls->at, path + ".tls", "has no effect with a base_url of http; remove it");
    if (upstream.tls.certificate.empty() != upstream.tls.private_key.empty())
        refusals.add(tls->at, path + ".tls",
                     "has one of certificate and private_key; write both or none");
}

// A key that stands in the file is for servers of this machine only, where it opens nothing.
void check_secret(const Node& node, const std::string& path, const Upstream& upstream,
                  Refusals& refusals) {
    const bool stands_in_file = !node.refused && node.expanded_from.empty();
    if (stands_in_file && upstream.base_url.starts_with("https:")) {
        refusals.add(node.at, path,
                     "a secret never stands in the file, but for a loopback host; write "
                     "\"${env:NAME}\" or \"${file:PATH}\"");
    }
}

void check_upstream(const Member& member, Upstream& upstream, Refusals& refusals) {
    if (member.value.kind != Node::Kind::map) return;
    const std::string path = fmt::format("upstreams.{}.api_key", member.key);
    const Member* key = find(member.value, "api_key");
    const Member* keys = find(member.value, "api_keys");
    if (key && keys) {
        refusals.add(keys->at, path + "s", "stands beside api_key; remove one of them");
        return;
    }
    if (keys) {
        for (const Node& item : keys->value.items) {
            if (item.kind != Node::Kind::scalar || item.refused) continue;
            upstream.api_keys.emplace_back(item.text);
            check_secret(item, path + "s", upstream, refusals);
        }
        return;
    }
    if (!key) {
        if (upstream.kind == UpstreamKind::openai_compatible) return;
        refusals.add(member.at, path, "is missing; add api_key: \"${env:NAME}\"");
        return;
    }
    check_secret(key->value, path, upstream, refusals);
}

}  // namespace

void link_endpoints(const Node& root, Config& config, Refusals& refusals) {
    const auto& engines = members(root, "engines");
    for (size_t i = 0; i < config.engines.size(); ++i) {
        check_engine(engines[i], config.engines[i], refusals);
    }
    const auto& upstreams = members(root, "upstreams");
    for (size_t i = 0; i < config.upstreams.size(); ++i) {
        check_upstream(upstreams[i], config.upstreams[i], refusals);
        check_passage(upstreams[i], config.upstreams[i], refusals);
    }
    EndpointLinker linker(root, config, refusals);
    const auto& endpoints = members(root, "endpoints");
    for (size_t i = 0; i < config.endpoints.size(); ++i) {
        linker.link(endpoints[i], config.endpoints[i]);
    }
}

}  // namespace config
