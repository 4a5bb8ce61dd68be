#pragma once
// One step of a plan on its way: at an upstream, or in the engine.
#include <memory>

#include "gateway/chat/attempt.h"
#include "gateway/chat/chat_plan.h"
#include "gateway/chat/chat_relay.h"

namespace gateway {

// All that is given outlives the attempt. An engine may refuse at once: then the end comes back.
tl::expected<std::unique_ptr<Attempt>, AttemptEnd> start_attempt(RelayServices& services,
                                                                 const RelayRequest& request,
                                                                 const ChatRequest& chat,
                                                                 const ChatPlan& plan,
                                                                 const PlannedStep& step);

}  // namespace gateway
