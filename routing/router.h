#pragma once
// Whom a request may go to. A pure function of facts and config: no clock, no socket, no JSON.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "routing/error.h"
#include "routing/thinking.h"

namespace routing {

using EndpointId = size_t;  // index into Config::endpoints

// All that routing may know of a request.
struct RequestFacts {
    std::string_view model;           // as the client wrote it: a route's name or an alias
    int64_t n_prompt_tokens = 0;      // an estimate for context fit
    int64_t n_output_tokens_max = 0;  // the client's limit; 0: none, the endpoint's default holds
    int n_choices = 1;
    bool needs_custom_tools = false;  // or functions, the forerunners of tools
    bool needs_functions = false;     // those
    bool needs_images = false;        // parts other than text
    bool needs_penalties = false;     // a penalty other than neutral
    bool has_tools = false;           // functions among them
    bool needs_json_schema = false;   // as response format
    std::string_view chat_only;       // a member that has no counterpart in the Responses API
    std::string_view no_messages;     // ... in the Messages API
    double temperature = 1;
    ThinkingAsk thinking;
    config::ParamSet params;              // those it sets that a thinking model may not bear
    Replayed replayed = Replayed::whole;  // the reasoning of earlier tool calls
    // Where the signed reasoning is not kept that led to the calls whose results the request ends
    // with.
    std::vector<EndpointId> unsigned_at;
    bool is_strict = false;  // thinking as asked for, or none at all
    // What conditions look at; borrowed.
    std::span<const std::string> labels;                           // of the key: "team=batch"
    std::span<const std::pair<std::string, std::string>> headers;  // names in lower case
    config::UnixMillis now;
    uint64_t canary_draw = UINT64_MAX;  // conditions.h; left as it is: no canary
};

struct PlannedAttempt {
    EndpointId endpoint;
    int64_t n_output_tokens_max;  // the limit that is held and sent on
    Thinking thinking;
    ThinkingAsk asked;
    config::UpstreamApi api = config::UpstreamApi::chat;  // never automatic
    bool is_canary = false;                               // the route's, not of its plan
};
// An endpoint whose condition does not hold.
struct PassedOver {
    EndpointId endpoint;
    std::string why;  // "label:team"
};
struct Plan {
    size_t route;                          // index into Config::routes
    std::vector<PlannedAttempt> attempts;  // never empty; a canary first
    std::vector<PassedOver> passed;        // as the plan lists them
};

// What one endpoint would be asked, or why it cannot serve the request. facts.thinking has the
// route's default in it.
Result<PlannedAttempt> consider(const RequestFacts& facts, const config::Config& config,
                                EndpointId endpoint);

// Who can serve the request, as the plan lists them; rank.h says who is tried first. If nobody can,
// the error says why the last of them could not, or that no condition holds.
Result<Plan> plan_route(const RequestFacts& facts, const config::Config& config);

// What takes effect of the request's asking: its own, else the route's.
ThinkingAsk ask_of(const ThinkingAsk& own, const config::Route& route);

// Whether the next endpoint may be tried after this failure. Only asked before the first byte out.
bool falls_back(const config::Route& route, config::FailureClass failure);

}  // namespace routing
