#include "gateway/chat/rate_gate.h"

#include <algorithm>
#include <functional>

namespace gateway {

namespace {

using std::chrono::milliseconds;
using Kind = routing::RateRefusal::Kind;
using Scope = routing::RateSubject::Scope;

// As Go writes durations: "0s", "17ms", "8.64s", "6m0s", "1h30m12s".
std::string go_duration(milliseconds time) {
    const int64_t ms = time.count();
    if (ms == 0) return "0s";
    if (ms < 1'000) return std::to_string(ms) + "ms";
    std::string text;
    const int64_t minutes = ms / 60'000;
    if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
    if (minutes > 0) text += std::to_string(minutes % 60) + "m";
    text += std::to_string(ms % 60'000 / 1'000);
    if (ms % 1'000 != 0) {
        std::string fraction = std::to_string(1'000 + ms % 1'000).substr(1);
        fraction.erase(fraction.find_last_not_of('0') + 1);
        text += "." + fraction;
    }
    return text + "s";
}

void claim(std::vector<routing::RateClaim>& claims, const config::RateLimits& rates, uint64_t route,
           const RateCaller& caller) {
    if (rates.key.is_set()) claims.push_back({{Scope::key, caller.key, route}, rates.key});
    if (rates.account.is_set())
        claims.push_back({{Scope::account, caller.account, route}, rates.account});
}

void append(HttpFields& fields, const routing::RateLevel& level, const std::string& what) {
    if (level.limit == 0) return;
    fields.emplace_back("x-ratelimit-limit-" + what, std::to_string(level.limit));
    fields.emplace_back("x-ratelimit-remaining-" + what, std::to_string(level.remaining));
    fields.emplace_back("x-ratelimit-reset-" + what, go_duration(level.until_full));
}

}  // namespace

RateTicket::~RateTicket() {
    limiter_.end(claims_, n_used_.value_or(n_estimated_) - n_estimated_,
                 std::chrono::steady_clock::now());
}

std::vector<routing::RateClaim> rate_claims(const config::Config& config, size_t route,
                                            const RateCaller& caller) {
    std::vector<routing::RateClaim> claims;
    const config::Route& asked = config.routes[route];
    claim(claims, config.limits.rate_limits, 0, caller);
    claim(claims, asked.rate_limits, std::max<uint64_t>(1, std::hash<std::string>{}(asked.name)),
          caller);
    return claims;
}

ApiError api_error(const routing::RateRefusal& refusal, std::string_view model) {
    ApiError error;
    error.status = 429;
    error.code = "rate_limit_exceeded";
    const bool counts_tokens = refusal.kind == Kind::tokens || refusal.kind == Kind::too_large;
    error.type = counts_tokens ? "tokens" : "requests";
    const std::string name(model);
    const std::string per =
        counts_tokens ? " on tokens per min (TPM): " : " on requests per min (RPM): ";
    const std::string limit = "Limit " + std::to_string(refusal.limit);
    const std::string asked = ", Requested " + std::to_string(refusal.asked) + ". ";
    if (refusal.kind == Kind::too_large) {
        error.message = "Request too large for " + name + per + limit + asked +
                        "The input tokens must be reduced in order to run successfully.";
        error.headers.emplace_back("x-should-retry", "false");
        return error;
    }
    // Of those that run, none says when it ends.
    const milliseconds wait = refusal.kind == Kind::running ? milliseconds(1'000) : refusal.wait;
    const std::string again = "Please try again in " + go_duration(wait) + ".";
    if (refusal.kind == Kind::running) {
        error.message = "Too many requests at once for " + name + ": " + limit + ", Running " +
                        std::to_string(refusal.used) + ". " + again;
    } else {
        error.message = "Rate limit reached for " + name + per + limit + ", Used " +
                        std::to_string(refusal.used) + asked + again;
    }
    const int64_t seconds = std::max<int64_t>(1, (wait.count() + 999) / 1'000);
    error.headers.emplace_back("retry-after", std::to_string(seconds));
    return error;
}

void append_rate_fields(HttpFields& fields, const routing::RateLevels& levels) {
    append(fields, levels.requests, "requests");
    append(fields, levels.tokens, "tokens");
}

}  // namespace gateway
