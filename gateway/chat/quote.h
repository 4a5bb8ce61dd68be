#pragma once
// What a chat request would cost at most and where it would go, without sending it anywhere.
#include "gateway/chat/chat_plan.h"

namespace gateway {

// The body of POST /v1/quote. A request that is too long for its model is quoted as such. Errors:
// those of the same request when it is sent.
asio::awaitable<tl::expected<std::string, ApiError>> quote_chat(std::string body,
                                                                const Snapshot& snapshot,
                                                                asio::thread_pool& workers,
                                                                const PlanTerms& terms);

}  // namespace gateway
