#pragma once
// The header fields that every answer to a chat request carries.
#include <chrono>
#include <string>

#include "gateway/server/http_types.h"
#include "gateway/telemetry/metrics.h"
#include "routing/rate_limiter.h"

namespace gateway {

struct AnswerFacts {
    const RequestRecord& record;
    std::chrono::nanoseconds elapsed;  // since the request's first byte
    const std::string* endpoint;       // who answers; null: nobody yet
    const routing::RateLevels& rates;  // where the caller stands
};

HttpFields answer_fields(const AnswerFacts& facts);

}  // namespace gateway
