#pragma once
// From a checked request to what may be tried and what it may cost at most: planning, exact prompts
// for the engine, and the hold.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <span>
#include <vector>

#include "billing/applied_price.h"
#include "billing/key_terms.h"
#include "gateway/api/api_error.h"
#include "gateway/api/chat_request.h"
#include "gateway/chat/snapshot.h"
#include "gateway/upstream/reasoning_store.h"
#include "routing/router.h"

namespace gateway {

// One step of the plan with its bounds.
struct PlannedStep {
    routing::PlannedAttempt attempt;
    engine::Prompt prompt;             // engine endpoints only
    int64_t n_prompt_held = 0;         // exact for the engine, else never below the truth
    int64_t n_prompt_estimate = 0;     // for usage that nobody states
    int64_t n_output_held = 0;         // all choices together
    billing::AppliedPrice price = {};  // at the instant of the hold
    bool is_up = true;                 // as far as is known
    double score = 0;                  // order auto: what it was placed by
};

struct ChatPlan {
    size_t route = 0;
    config::ServiceTier tier = config::ServiceTier::standard;  // that was asked for
    std::vector<PlannedStep> steps;                            // never empty
    billing::NanoUsd amount;                                   // the worst case of the dearest step
    std::vector<routing::PassedOver> passed;                   // whose conditions do not hold
};

struct PlanTerms {
    uint64_t owner = 0;  // the account, as the engine knows it
    uint64_t dice = 0;   // random: draws among endpoints, lets some back to one that was down
    config::UnixMillis now;
    const billing::KeyScope* scope = nullptr;   // of the key; null: everything
    bool is_quote = false;                      // nothing will be tried
    const ReasoningStore* reasoning = nullptr;  // kept for upstreams; null: none is
    std::span<const std::pair<std::string, std::string>> headers = {};  // names in lower case
};

// Tokenising long prompts happens on `workers`, so that the io thread goes on; the coroutine comes
// back to its own thread. The steps come in the order of their route. Steps without a price at
// `now`, and those that the key's scope does not allow, are left out; a route that it does not
// allow is an unknown model. Errors: what the client is told when no step can serve the request.
asio::awaitable<tl::expected<ChatPlan, ApiError>> plan_chat(const ChatRequest& request,
                                                            const Snapshot& snapshot,
                                                            asio::thread_pool& workers,
                                                            const PlanTerms& terms);

// What a step may come to at most.
billing::NanoUsd bound_of(const PlannedStep& step);

// Gives the steps the prices that hold at `at` in its tier, an engine its
// standard one for flex; returns what the dearest step may come to. Errors: unpriced, then the plan
// is not to be used.
billing::Result<billing::NanoUsd> price_plan(ChatPlan& plan, const config::Config& config,
                                             config::UnixMillis at);

}  // namespace gateway
