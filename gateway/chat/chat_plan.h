#pragma once
// From a checked request to what may be tried and what it may cost at most: planning, exact prompts
// for the engine, and the hold.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <vector>

#include "gateway/api/api_error.h"
#include "gateway/api/chat_request.h"
#include "gateway/chat/snapshot.h"
#include "routing/router.h"

namespace gateway {

// One step of the plan with its bounds.
struct PlannedStep {
    routing::PlannedAttempt attempt;
    engine::Prompt prompt;          // engine endpoints only
    int64_t n_prompt_held = 0;      // exact for the engine, else never below the truth
    int64_t n_prompt_estimate = 0;  // for usage that nobody states
    int64_t n_output_held = 0;      // all choices together
};

struct ChatPlan {
    size_t route = 0;
    std::vector<PlannedStep> steps;  // never empty
    billing::NanoUsd amount;         // the worst case of the dearest step
};

// Tokenising long prompts happens on `workers`, so that the io thread goes on; the coroutine comes
// back to its own thread. `owner` is the account, as the engine knows it. Errors: what the client
// is told when no step can serve the request.
asio::awaitable<tl::expected<ChatPlan, ApiError>> plan_chat(const ChatRequest& request,
                                                            const Snapshot& snapshot,
                                                            asio::thread_pool& workers,
                                                            uint64_t owner, uint64_t seed);

}  // namespace gateway
