#pragma once
// What a client is told when something fails: status, OpenAI's four members, headers. The only
// place where a folder's Errc becomes a status.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "billing/error.h"
#include "engine/engine.h"
#include "gateway/chat/attempt.h"
#include "routing/error.h"

namespace gateway {

struct ApiError {
    int status = 500;
    std::string message;
    std::string type = "invalid_request_error";
    std::optional<std::string> param;  // absent: null
    std::optional<std::string> code;
    std::vector<std::pair<std::string, std::string>>
        headers;         // x-should-retry, retry-after, allow, ...
    bool close = false;  // the connection cannot be used again
};

// {"error":{"message":...,"type":...,"param":...,"code":...}}
std::string error_body(const ApiError& error);

// What is asked of the routing table, for texts that name it.
struct ErrorContext {
    std::string_view model;
    int64_t n_prompt_tokens = 0;
    int64_t n_output_tokens_max = 0;
};
ApiError api_error(const billing::Error& error);
ApiError api_error(const routing::Error& error, const ErrorContext& context);
ApiError api_error(const engine::Error& error, const ErrorContext& context);
// After the plan is exhausted; `end` is the last attempt's.
ApiError api_error(const AttemptEnd& end);

// The fixed ones.
ApiError missing_key();                          // 401
ApiError invalid_key();                          // 401
ApiError network_refused();                      // 401
ApiError model_unknown(std::string_view model);  // 404
ApiError overloaded();                           // 503 with retry-after
ApiError internal_error();                       // 500

// A refusal that the server makes itself: 400 framing, 408, 413, 414, 415, 417, 431, 500, 503.
// `reason` is told to the client.
ApiError http_refusal(int status, std::string_view reason);

}  // namespace gateway
