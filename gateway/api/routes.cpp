#include "gateway/api/routes.h"

#include <array>

namespace gateway {

namespace {

constexpr std::string_view kPost = "POST, OPTIONS";
constexpr std::string_view kGet = "GET, HEAD, OPTIONS";

struct Entry {
    std::string_view path;  // ending in a slash: what follows it is the model
    std::string_view allow;
    HandlerId handler;
    Role role;
    bool has_body;
};

constexpr std::array kRoutes = {
    Entry{"/v1/chat/completions", kPost, HandlerId::chat_completions, Role::client, true},
    Entry{"/chat/completions", kPost, HandlerId::chat_completions, Role::client, true},
    Entry{"/v1/quote", kPost, HandlerId::quote, Role::client, true},
    Entry{"/quote", kPost, HandlerId::quote, Role::client, true},
    Entry{"/v1/usage", kGet, HandlerId::usage, Role::client, false},
    Entry{"/usage", kGet, HandlerId::usage, Role::client, false},
    Entry{"/v1/models", kGet, HandlerId::models, Role::client, false},
    Entry{"/models", kGet, HandlerId::models, Role::client, false},
    Entry{"/v1/models/", kGet, HandlerId::model, Role::client, false},
    Entry{"/models/", kGet, HandlerId::model, Role::client, false},
    Entry{"/healthz", kGet, HandlerId::healthz, Role::none, false},
    Entry{"/health", kGet, HandlerId::healthz, Role::none, false},
    Entry{"/readyz", kGet, HandlerId::readyz, Role::none, false},
    Entry{"/ready", kGet, HandlerId::readyz, Role::none, false},
    Entry{"/", kGet, HandlerId::root, Role::none, false},
};

bool takes_rest(const Entry& entry) {
    return entry.path.size() > 1 && entry.path.back() == '/';
}

const Entry* find_route(std::string_view path) {
    for (const Entry& entry : kRoutes) {
        const bool matches = takes_rest(entry)
                                 ? path.size() > entry.path.size() && path.starts_with(entry.path)
                                 : path == entry.path;
        if (matches) return &entry;
    }
    return nullptr;
}

bool allows(const Entry& entry, std::string_view method) {
    return entry.has_body ? method == "POST" : method == "GET" || method == "HEAD";
}

ApiError not_found(std::string_view method, std::string_view path) {
    ApiError error;
    error.status = 404;
    error.message.append("Invalid URL (").append(method).append(" ").append(path).append(")");
    return error;
}

ApiError method_not_allowed(const Entry& entry, std::string_view method, std::string_view path) {
    ApiError error;
    error.status = 405;
    if (entry.has_body) {
        error.message = "Only POST requests are accepted.";
        error.code = "method_not_supported";
    } else {
        error.message.append("Not allowed to ").append(method).append(" on ").append(path);
        error.message += ". (HINT: Perhaps you meant to use a different HTTP method?)";
    }
    error.headers.emplace_back("allow", entry.allow);
    return error;
}

}  // namespace

tl::expected<RouteMatch, ApiError> match_route(std::string_view method, std::string_view path) {
    const Entry* entry = find_route(path);
    // Fine-tuned models are not kept here, so that there is none to delete.
    if (!entry || (entry->handler == HandlerId::model && method == "DELETE"))
        return tl::unexpected(not_found(method, path));
    RouteMatch match;
    if (method == "OPTIONS") {
        match.handler = HandlerId::options;
        match.allow = entry->allow;
        return match;
    }
    if (!allows(*entry, method)) return tl::unexpected(method_not_allowed(*entry, method, path));
    match.handler = entry->handler;
    match.role = entry->role;
    match.has_body = entry->has_body;
    if (takes_rest(*entry)) match.model = path.substr(entry->path.size());
    return match;
}

}  // namespace gateway
