#include "gateway/upstream/failure_class.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace gateway {

namespace {

using config::FailureClass;

struct Word {
    std::string_view word;  // lower case, as code or type
    FailureClass failure;
};

constexpr std::array kWords = {
    Word{"insufficient_quota", FailureClass::quota},
    Word{"insufficient_balance", FailureClass::quota},
    Word{"billing_hard_limit_reached", FailureClass::quota},
    Word{"billing_not_active", FailureClass::quota},
    Word{"billing_error", FailureClass::quota},
    Word{"quota_exceeded", FailureClass::quota},
    Word{"invalid_api_key", FailureClass::credential},
    Word{"authentication_error", FailureClass::credential},
    Word{"permission_error", FailureClass::credential},
    Word{"permission_denied", FailureClass::credential},
    Word{"unauthenticated", FailureClass::credential},
    Word{"request_forbidden", FailureClass::credential},
    Word{"account_deactivated", FailureClass::credential},
    Word{"unsupported_country_region_territory", FailureClass::credential},
    Word{"model_not_found", FailureClass::model_gone},
    Word{"model_not_available", FailureClass::model_gone},
    Word{"deploymentnotfound", FailureClass::model_gone},
    Word{"rate_limit_exceeded", FailureClass::rate_limit},
    Word{"rate_limit_error", FailureClass::rate_limit},
    Word{"too_many_requests", FailureClass::rate_limit},
    Word{"resource_exhausted", FailureClass::rate_limit},
    Word{"overloaded_error", FailureClass::overloaded},
    Word{"overloaded", FailureClass::overloaded},
    Word{"engine_overloaded", FailureClass::overloaded},
    Word{"service_unavailable", FailureClass::overloaded},
    Word{"unavailable", FailureClass::overloaded},
    Word{"context_length_exceeded", FailureClass::context_exceeded},
    Word{"context_window_exceeded", FailureClass::context_exceeded},
    Word{"exceed_context_size_error", FailureClass::context_exceeded},
    Word{"content_policy_violation", FailureClass::content_policy},
    Word{"content_filter", FailureClass::content_policy},
    Word{"invalid_prompt", FailureClass::content_policy},
    Word{"server_error", FailureClass::server_error},
    Word{"internal_error", FailureClass::server_error},
    Word{"internal_server_error", FailureClass::server_error},
    Word{"api_error", FailureClass::server_error},
};

// Some servers say it in the text alone; agents recognise the same words.
struct Phrase {
    std::string_view phrase;  // lower case
    FailureClass failure;
};
constexpr std::array kPhrases = {
    Phrase{"maximum context length", FailureClass::context_exceeded},
    Phrase{"exceeds the context window", FailureClass::context_exceeded},
    Phrase{"exceed context limit", FailureClass::context_exceeded},
    Phrase{"prompt is too long", FailureClass::context_exceeded},
    Phrase{"blocked by content filtering policy", FailureClass::content_policy},
    Phrase{"credit balance is too low", FailureClass::quota},
    Phrase{"reached your specified api usage limits", FailureClass::quota},
};

struct StatusRule {
    int status;
    FailureClass failure;
};
constexpr std::array kStatuses = {
    StatusRule{401, FailureClass::credential},   StatusRule{402, FailureClass::quota},
    StatusRule{403, FailureClass::credential},   StatusRule{404, FailureClass::model_gone},
    StatusRule{408, FailureClass::server_error}, StatusRule{409, FailureClass::server_error},
    StatusRule{410, FailureClass::model_gone},   StatusRule{425, FailureClass::server_error},
    StatusRule{429, FailureClass::rate_limit},   StatusRule{503, FailureClass::overloaded},
    StatusRule{529, FailureClass::overloaded},
};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::optional<FailureClass> by_word(const std::string& said) {
    const std::string word = lower(said);
    for (const Word& entry : kWords) {
        if (entry.word == word) return entry.failure;
    }
    return std::nullopt;
}

FailureClass by_status(int status) {
    for (const StatusRule& rule : kStatuses) {
        if (rule.status == status) return rule.failure;
    }
    return status >= 400 && status < 500 ? FailureClass::caller_fault : FailureClass::server_error;
}

FailureClass class_of(int status, const ErrorBody& body) {
    if (const auto failure = by_word(body.code)) return *failure;
    const auto by_type = by_word(body.type);
    // "server_error" and the like say less than a status that knows better.
    if (by_type && *by_type != FailureClass::server_error) return *by_type;
    const FailureClass failure = by_status(status);
    if (failure == FailureClass::caller_fault) {
        const std::string message = lower(body.message);
        for (const Phrase& entry : kPhrases) {
            if (message.find(entry.phrase) != message.npos) return entry.failure;
        }
    }
    return failure;
}

// Foreign words may carry anything: only what looks like an identifier reaches the log.
std::string logged(std::string_view word) {
    constexpr size_t kWordBytesMax = 64;
    std::string out(word.substr(0, kWordBytesMax));
    for (char& c : out) {
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.')
            c = '?';
    }
    return out;
}

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::chrono::milliseconds> milliseconds(double ms) {
    constexpr double kDayMs = 86'400'000;
    if (!(ms >= 0)) return std::nullopt;
    return std::chrono::milliseconds(static_cast<int64_t>(std::min(ms, kDayMs)));
}

}  // namespace

bool is_callers(FailureClass failure) {
    return failure == FailureClass::caller_fault || failure == FailureClass::content_policy ||
           failure == FailureClass::context_exceeded;
}

Failure classify(int status, const ErrorBody& body) {
    Failure out;
    out.upstream_status = status;
    const int meant = status >= 400 ? status : (body.status != 0 ? body.status : 502);
    out.failure = class_of(meant, body);
    out.detail = "status " + std::to_string(status);
    if (!body.type.empty()) out.detail += ", type " + logged(body.type);
    if (!body.code.empty()) out.detail += ", code " + logged(body.code);
    if (is_callers(out.failure)) {
        out.upstream_status = status >= 400 || body.status != 0 ? meant : 400;
        out.message =
            body.message.empty() ? "The model's provider refused the request." : body.message;
        out.type = body.type.empty() ? "invalid_request_error" : body.type;
        out.param = body.param;
        out.code = body.code;
    }
    return out;
}

Failure failed(FailureClass failure, std::string detail) {
    Failure out;
    out.failure = failure;
    out.detail = std::move(detail);
    return out;
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view ms,
                                                           std::string_view seconds_or_date,
                                                           int64_t now) {
    if (const auto value = parse_number(ms)) {
        if (const auto wait = milliseconds(*value)) return wait;
    }
    if (const auto value = parse_number(seconds_or_date)) return milliseconds(*value * 1000);
    if (seconds_or_date.empty()) return std::nullopt;
    const time_t date = curl_getdate(std::string(seconds_or_date).c_str(), nullptr);
    if (date == -1) return std::nullopt;
    return milliseconds(static_cast<double>(std::max<int64_t>(date - now, 0)) * 1000);
}

}  // namespace gateway
