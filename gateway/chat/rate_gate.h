#pragma once
// A request before the limits of its key and account: taken in or refused, and what clients are
// told of where they stand.
#include <optional>
#include <vector>

#include "gateway/api/api_error.h"
#include "gateway/api/chat_request.h"
#include "gateway/server/http_types.h"
#include "routing/rate_limiter.h"

namespace gateway {

// One that was taken in; out again when it goes. Outlived by the limiter.
class RateTicket {
public:
    RateTicket(routing::RateLimiter& limiter, std::vector<routing::RateClaim> claims,
               int64_t n_estimated)
        : limiter_(limiter), claims_(std::move(claims)), n_estimated_(n_estimated) {}
    RateTicket(const RateTicket&) = delete;
    RateTicket& operator=(const RateTicket&) = delete;
    ~RateTicket();
    // What it came to; unsaid: as estimated.
    void note_used(const billing::TokenCounts& tokens) {
        n_used_ = tokens.input_uncached + tokens.cache_read + tokens.cache_write +
                  tokens.output_answer + tokens.output_reasoning;
    }

private:
    routing::RateLimiter& limiter_;
    const std::vector<routing::RateClaim> claims_;
    const int64_t n_estimated_;
    std::optional<int64_t> n_used_;
};

struct RateCaller {
    int64_t key = 0, account = 0;
};

// The limits that the config sets for this caller and route; empty: none.
std::vector<routing::RateClaim> rate_claims(const config::Config& config, size_t route,
                                            const RateCaller& caller);

// 429, in OpenAI's words: type requests or tokens, code rate_limit_exceeded.
ApiError api_error(const routing::RateRefusal& refusal, std::string_view model);

// x-ratelimit-{limit,remaining,reset}-{requests,tokens}, those that have a limit.
void append_rate_fields(HttpFields& fields, const routing::RateLevels& levels);

}  // namespace gateway
