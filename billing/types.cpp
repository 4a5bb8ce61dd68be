#include "billing/types.h"

namespace billing {

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::ok:
            return "ok";
        case Outcome::length:
            return "length";
        case Outcome::tool_calls:
            return "tool_calls";
        case Outcome::content_filter:
            return "content_filter";
        case Outcome::client_gone:
            return "client_gone";
        case Outcome::caller_error:
            return "caller_error";
        case Outcome::quota:
            return "quota";
        case Outcome::rate_limit:
            return "rate_limit";
        case Outcome::upstream_error:
            return "upstream_error";
        case Outcome::cut:
            return "cut";
        case Outcome::internal:
            return "internal";
    }
    return "unknown";
}

std::string_view to_string(AttemptOutcome outcome) {
    static constexpr std::string_view kNames[kAttemptOutcomeCount] = {
        "complete",         "cancelled",  "credential",   "quota",        "model_gone",
        "rate_limit",       "overloaded", "server_error", "connect",      "timeout_ttft",
        "timeout_idle",     "cut",        "malformed",    "caller_fault", "content_policy",
        "context_exceeded", "lost"};
    const auto at = static_cast<size_t>(outcome);
    return at < kAttemptOutcomeCount ? kNames[at] : "unknown";
}

AttemptOutcome failed_as(config::FailureClass failure) {
    using config::FailureClass;
    switch (failure) {
        case FailureClass::credential:
            return AttemptOutcome::credential;
        case FailureClass::quota:
            return AttemptOutcome::quota;
        case FailureClass::model_gone:
            return AttemptOutcome::model_gone;
        case FailureClass::rate_limit:
            return AttemptOutcome::rate_limit;
        case FailureClass::overloaded:
            return AttemptOutcome::overloaded;
        case FailureClass::server_error:
            return AttemptOutcome::server_error;
        case FailureClass::connect:
            return AttemptOutcome::connect;
        case FailureClass::timeout_ttft:
            return AttemptOutcome::timeout_ttft;
        case FailureClass::timeout_idle:
            return AttemptOutcome::timeout_idle;
        case FailureClass::cut:
            return AttemptOutcome::cut;
        case FailureClass::malformed:
            return AttemptOutcome::malformed;
        case FailureClass::caller_fault:
            return AttemptOutcome::caller_fault;
        case FailureClass::content_policy:
            return AttemptOutcome::content_policy;
        case FailureClass::context_exceeded:
            return AttemptOutcome::context_exceeded;
    }
    return AttemptOutcome::server_error;
}

std::string_view to_string(Wallet wallet) {
    switch (wallet) {
        case Wallet::prepaid:
            return "prepaid";
        case Wallet::none:
            return "none";
        case Wallet::postpaid:
            return "postpaid";
    }
    return "unknown";
}

std::string_view to_string(CountSource source) {
    switch (source) {
        case CountSource::engine:
            return "engine";
        case CountSource::upstream:
            return "upstream";
        case CountSource::counted:
            return "counted";
    }
    return "unknown";
}

}  // namespace billing
