#pragma once
// A chat request that came with an Idempotency-Key: answered once, and charged once, however often
// it is sent within a day. It is answered to its end even if its client hangs up meanwhile.
#include "gateway/chat/chat_relay.h"

namespace gateway {

// As relay_chat(). `key` is the header's value.
asio::awaitable<void> relay_once(RelayServices& services, RelayRequest request, std::string key,
                                 std::string body, HttpExchange& exchange);

}  // namespace gateway
