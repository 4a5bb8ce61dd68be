#pragma once
// The header fields that every answer to a chat request carries.
#include <chrono>
#include <string>

#include "gateway/server/http_types.h"
#include "routing/rate_limiter.h"

namespace gateway {

struct AnswerFacts {
    const std::string& request_id;
    const std::string& client_request_id;  // empty: the client gave none
    std::chrono::nanoseconds elapsed;      // since the request's first byte
    const std::string* endpoint;           // who answers; null: nobody yet
    const std::string& reasoning;          // the tier in effect, told with the endpoint
    const std::string& reason;             // why that one was tried; likewise
    const routing::RateLevels& rates;      // where the caller stands
};

HttpFields answer_fields(const AnswerFacts& facts);

}  // namespace gateway
