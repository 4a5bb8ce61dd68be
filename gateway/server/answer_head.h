#pragma once
// The head of an answer as bytes. Whatever text it is given, no CR, LF or NUL gets into a header.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/server/http_types.h"

namespace gateway {

struct AnswerHead {
    int status = 200;
    std::string_view content_type = {};  // empty: no such header
    std::optional<size_t> content_length =
        std::nullopt;       // absent: chunked, or close-delimited in HTTP/1.0
    int version_minor = 1;  // the request's
    bool keep_alive = true;
    std::string_view date = {};
};

// `fields` may not contradict the ones above: date, server, connection and the framing are left out
// of it, as are fields whose name is no token. Control characters are taken out of values. `n_more`
// is the room to reserve for what the caller will append.
std::string serialize(const AnswerHead& head, const HttpFields& fields, size_t n_more);

}  // namespace gateway
