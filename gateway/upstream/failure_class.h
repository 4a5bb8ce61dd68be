#pragma once
// Why an attempt failed: by what the upstream says about itself first, then by its status.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "gateway/upstream/error_body.h"

namespace gateway {

struct Failure {
    config::FailureClass failure = config::FailureClass::server_error;
    std::string detail;  // for the log: status, type and code, never the message
    // The upstream's words, for the client: only where the fault is the client's.
    std::string message, type, param, code;
    int upstream_status = 0;  // 0: nothing answered
    std::optional<std::chrono::milliseconds> retry_after;
};

// Whether the client's own request is at fault, so that it is told the upstream's words.
bool is_callers(config::FailureClass failure);

// `status` is the HTTP status; for an error inside a 200 (in a stream, or as the body) the status
// that stands in the body, if any, takes its place.
Failure classify(int status, const ErrorBody& body);

// A failure that we noticed ourselves.
Failure failed(config::FailureClass failure, std::string detail);

// From `retry-after-ms` and `retry-after` (seconds or an HTTP date); empty: not there. At most a
// day. `now` is seconds since 1970.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view milliseconds,
                                                           std::string_view seconds_or_date,
                                                           int64_t now);

}  // namespace gateway
