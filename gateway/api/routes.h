#pragma once
// The one table of what may be asked over HTTP, and what a head alone decides: route and method,
// the credential, the media type. Judged in this order, before any body is read.
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/api/api_error.h"

namespace gateway {

struct HttpHead;

enum class HandlerId : uint8_t {
    chat_completions,
    quote,
    models,
    model,
    usage,
    healthz,
    readyz,
    root,
    options
};
enum class Role : uint8_t { none, client };

struct RouteMatch {
    HandlerId handler = HandlerId::root;
    Role role = Role::none;  // client: a key is needed
    bool has_body = false;   // the body is JSON and is read
    std::string model;       // handler model: the rest of the path
    std::string allow;       // handler options: the methods of the path
};

// `path` is decoded, without query and trailing slash. Errors: 404, and 405 with `allow`.
tl::expected<RouteMatch, ApiError> match_route(std::string_view method, std::string_view path);

// A body of application/json, or without a name, is taken. Anything else: 400.
std::optional<ApiError> check_content_type(std::string_view content_type);
// Whether the body is to be inflated: gzip and deflate are. 415 for any other coding but identity.
tl::expected<bool, ApiError> is_compressed(std::string_view content_encoding);

// The key, from exactly one of `authorization` (Bearer), `x-api-key` and `api-key`; a view into
// `head`. Errors: 401 when there is none or it cannot be a key, 400 when there is more than one.
tl::expected<std::string_view, ApiError> extract_credential(const HttpHead& head);

}  // namespace gateway
