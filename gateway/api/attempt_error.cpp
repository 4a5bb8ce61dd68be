// What the client is told of the last attempt when the plan is exhausted (openai-wire 4.4).
#include <algorithm>

#include "gateway/api/api_error.h"

namespace gateway {

namespace {

using config::FailureClass;
using std::chrono::milliseconds;

constexpr milliseconds kWaitWorthwhile{60'000};  // above, no SDK waits that long

ApiError server_fault(int status, std::string message, const char* code) {
    ApiError error;
    error.status = status;
    error.message = std::move(message);
    error.type = "server_error";
    error.code = code;
    return error;
}

int64_t seconds_up(milliseconds wait) {
    return std::max<int64_t>(1, (wait.count() + 999) / 1000);
}

void add_wait(ApiError& error, milliseconds wait) {
    error.headers.emplace_back("retry-after", std::to_string(seconds_up(wait)));
    if (wait.count() > 0 && wait.count() < 1000)
        error.headers.emplace_back("retry-after-ms", std::to_string(wait.count()));
    if (wait > kWaitWorthwhile) error.headers.emplace_back("x-should-retry", "false");
}

ApiError rate_limited(milliseconds wait) {
    ApiError error;
    error.status = 429;
    error.message =
        "Rate limit reached for this model at its provider. Please try again in " +
        (wait.count() > 0 && wait.count() < 1000 ? std::to_string(wait.count()) + "ms."
                                                 : std::to_string(seconds_up(wait)) + "s.");
    error.type = "requests";
    error.code = "rate_limit_exceeded";
    add_wait(error, wait);
    return error;
}

ApiError upstream_overloaded(milliseconds wait) {
    ApiError error = server_fault(
        503, "That model is currently overloaded with other requests. Please try again.",
        "overloaded");
    add_wait(error, wait);
    return error;
}

// Our account there is at fault, never the client's key.
ApiError unavailable() {
    return server_fault(503, "The model's provider cannot be used at the moment.",
                        "upstream_unavailable");
}

ApiError upstream_failed(FailureClass failure) {
    return server_fault(502,
                        "The model's provider failed before the answer was complete (" +
                            std::string(config::to_string(failure)) + ").",
                        "upstream_error");
}

ApiError timed_out(FailureClass failure) {
    return server_fault(504,
                        "The model's provider did not answer in time (" +
                            std::string(config::to_string(failure)) + ").",
                        "upstream_timeout");
}

// A status that says the same in our dialect: what concerns our account, or asks for another try,
// does not.
int callers_status(int status) {
    switch (status) {
        case 400:
        case 404:
        case 413:
            return status;
    }
    return 400;
}

std::optional<std::string> said(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

// The upstream's own words.
ApiError callers(const AttemptEnd& end) {
    ApiError error;
    error.status = callers_status(end.upstream_status);
    error.message = end.message.empty() ? "The model's provider refused the request (" +
                                              std::string(config::to_string(end.failure)) + ")."
                                        : end.message;
    if (!end.type.empty()) error.type = end.type;
    error.param = said(end.param);
    error.code = said(end.code);
    if (!error.code && end.failure == FailureClass::context_exceeded)
        error.code = "context_length_exceeded";
    return error;
}

}  // namespace

ApiError api_error(const AttemptEnd& end) {
    if (end.kind != AttemptEnd::Kind::failed) return internal_error();
    const milliseconds wait = end.retry_after.value_or(milliseconds(1'000));
    switch (end.failure) {
        case FailureClass::credential:
        case FailureClass::quota:
        case FailureClass::model_gone:
            return unavailable();
        case FailureClass::rate_limit:
            return rate_limited(wait);
        case FailureClass::overloaded:
            return upstream_overloaded(wait);
        case FailureClass::connect:
        case FailureClass::server_error:
        case FailureClass::cut:
        case FailureClass::malformed:
            return upstream_failed(end.failure);
        case FailureClass::timeout_ttft:
        case FailureClass::timeout_idle:
            return timed_out(end.failure);
        case FailureClass::caller_fault:
        case FailureClass::content_policy:
        case FailureClass::context_exceeded:
            return callers(end);
    }
    return internal_error();
}

}  // namespace gateway
