#pragma once
// Whom to try, best first. A pure function of facts, table and health: no clock, no socket, no
// JSON.
#include <cstdint>
#include <string_view>
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
    bool needs_images = false;        // parts other than text
    bool needs_penalties = false;     // presence/frequency penalty or logit_bias other than neutral
    ThinkingAsk thinking;
};

struct PlannedAttempt {
    EndpointId endpoint;
    int64_t n_output_tokens_max;  // the limit that is held and sent on
    Thinking thinking;
};
// Never empty; whom to try, best first.
struct Plan {
    size_t route;  // index into Config::routes
    std::vector<PlannedAttempt> attempts;
};

// By endpoint: false keeps an endpoint at the end of the plan (it may still be the only one).
// Endpoints past its end count as healthy.
using HealthSnapshot = std::vector<bool>;

// Equal arguments give an equal plan; `seed` breaks ties. Endpoints that cannot serve the request
// are left out; if none is left, the error says why the last of them could not.
Result<Plan> plan_route(const RequestFacts& facts, const config::Config& config,
                        const HealthSnapshot& health, uint64_t seed);

// Whether the next endpoint may be tried after this failure. Only asked before the first byte out.
bool falls_back(const config::Route& route, config::FailureClass failure);

}  // namespace routing
