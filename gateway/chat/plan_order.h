#pragma once
// The order in which a request's endpoints are tried: what is known of them, of their prices and of
// the prompt, put before routing/rank.h.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "gateway/chat/chat_plan.h"

namespace gateway {

// Puts the steps of `plan` into the order of its route and notes which of them are down. How much
// of a prompt an engine has at hand is asked on `workers`, for it may let the asker wait.
asio::awaitable<void> order_plan(ChatPlan& plan, const ChatRequest& request,
                                 const Snapshot& snapshot, asio::thread_pool& workers,
                                 const PlanTerms& terms);

// The header x-weir-reason of a step: "listed", "canary", or
// "auto; score=0.417; passed=c(label:team),d(hours); down=a,b; after=rate_limit": by what it was
// chosen, whose conditions do not hold, who is down, and why the attempt before this one failed.
std::string reason_of(const ChatPlan& plan, const config::Config& config, const PlannedStep& chosen,
                      std::optional<config::FailureClass> after);

}  // namespace gateway
