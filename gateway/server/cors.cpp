#include "gateway/server/cors.h"

#include <algorithm>

namespace gateway {

namespace {

constexpr const char* kMethods = "GET, POST, OPTIONS";
constexpr const char* kMaxAge = "600";
// By name: a wildcard would not cover authorization.
constexpr std::string_view kHeaders =
    "authorization, content-type, accept, openai-organization, openai-project, openai-beta, "
    "x-api-key, api-key, x-client-request-id, idempotency-key";
constexpr const char* kExposed =
    "x-request-id, retry-after, openai-processing-ms, x-should-retry, x-client-request-id, "
    "server-timing, x-weir-endpoint, x-weir-reason, x-weir-reasoning, x-ratelimit-limit-requests, "
    "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens";
constexpr std::string_view kSdkPrefix = "x-stainless-";

bool is_sdk_name(std::string_view name) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return name.starts_with(kSdkPrefix) && name.size() < 64 &&
           name.find_first_not_of(kLetters) == name.npos;
}

// The list, and what SDKs ask for besides.
std::string allowed_headers(std::string_view asked) {
    std::string headers(kHeaders);
    while (!asked.empty()) {
        const size_t comma = std::min(asked.find(','), asked.size());
        std::string_view name = asked.substr(0, comma);
        asked.remove_prefix(std::min(comma + 1, asked.size()));
        while (name.starts_with(' ')) name.remove_prefix(1);
        while (name.ends_with(' ')) name.remove_suffix(1);
        if (is_sdk_name(name)) headers.append(", ").append(name);
    }
    return headers;
}

}  // namespace

HttpFields cors_fields(const std::vector<std::string>& origins, const HttpHead& head) {
    const std::string_view origin = head.field("origin");
    if (origin.empty() || origins.empty()) return {};
    const bool all = std::ranges::find(origins, "*") != origins.end();
    HttpFields fields;
    if (!all) fields.emplace_back("vary", "Origin");
    if (!all && std::ranges::find(origins, origin) == origins.end()) return fields;
    fields.emplace_back("access-control-allow-origin", all ? "*" : std::string(origin));
    if (head.method != "OPTIONS" || head.field("access-control-request-method").empty()) {
        fields.emplace_back("access-control-expose-headers", kExposed);
        return fields;
    }
    fields.emplace_back("access-control-allow-methods", kMethods);
    fields.emplace_back("access-control-allow-headers",
                        allowed_headers(head.field("access-control-request-headers")));
    fields.emplace_back("access-control-max-age", kMaxAge);
    return fields;
}

}  // namespace gateway
