#include "gateway/control/operations.h"

namespace gateway {

namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

constexpr const char* kInstantRule =
    "a time is RFC 3339, 2026-10-01T00:00:00Z, or a duration from now, 720h";

billing::KeyId id_of(const json& request) {
    return {request.at("key").get<int64_t>()};
}

json created(const billing::Result<billing::NewKey>& key) {
    if (!key) return failure(key.error());
    return {{"ok", true}, {"id", key->id.n}, {"key", key->text}};
}

json key_create(billing::Billing& billing, const json& request) {
    billing::KeyTerms terms;
    terms.name = request.value("name", "");
    terms.labels = request.value("labels", Texts());
    terms.routes = request.value("routes", Texts());
    terms.endpoints = request.value("endpoints", Texts());
    terms.networks = request.value("networks", Texts());
    if (request.contains("expires")) {
        terms.expires_at = instant_of(request.at("expires").get<std::string>());
        if (!terms.expires_at) return failure(kInstantRule);
    }
    return created(billing.create_key(request.at("account").get<std::string>(), terms));
}

json key_rotate(billing::Billing& billing, const json& request) {
    const auto overlap = config::parse_duration(request.at("overlap").get<std::string>());
    if (!overlap) return failure("an overlap is a duration of at most 365 days: 24h");
    return created(billing.rotate_key(id_of(request), *overlap));
}

json key_expire(billing::Billing& billing, const json& request) {
    const auto at = instant_of(request.at("at").get<std::string>());
    if (!at) return failure(kInstantRule);
    return done(billing.expire_key(id_of(request), *at));
}

json key_disable(billing::Billing& billing, const json& request) {
    return done(billing.disable_key(id_of(request)));
}

json key_enable(billing::Billing& billing, const json& request) {
    return done(billing.enable_key(id_of(request)));
}

json text_of(const std::optional<config::UnixMillis>& at) {
    return at ? json(config::to_rfc3339(*at)) : json();
}

json key_list(billing::Billing& billing, const json&) {
    json keys = json::array();
    for (const billing::KeyInfo& key : billing.keys()) {
        keys.push_back({{"id", key.id.n},
                        {"account", key.account},
                        {"prefix", key.prefix},
                        {"last4", key.last4},
                        {"enabled", key.enabled},
                        {"created_at", config::to_rfc3339(key.created_at)},
                        {"name", key.terms.name},
                        {"labels", key.terms.labels},
                        {"routes", key.terms.routes},
                        {"endpoints", key.terms.endpoints},
                        {"networks", key.terms.networks},
                        {"expires_at", text_of(key.terms.expires_at)},
                        {"old_secrets_until", text_of(key.others_until)},
                        {"last_used_at", text_of(key.last_used_at)}});
    }
    return {{"ok", true}, {"keys", std::move(keys)}};
}

constexpr Operation kKeyOperations[] = {
    {"key_create", key_create},   {"key_rotate", key_rotate}, {"key_expire", key_expire},
    {"key_disable", key_disable}, {"key_enable", key_enable}, {"key_list", key_list},
};

}  // namespace

std::span<const Operation> key_operations() {
    return kKeyOperations;
}

}  // namespace gateway
