#pragma once
// Where a request goes after an attempt has failed: to the next endpoint of its plan, back to the
// same one after a pause, or nowhere; within the retry budget of the upstreams.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "gateway/chat/attempt.h"
#include "gateway/chat/chat_plan.h"
#include "gateway/chat/chat_relay.h"

namespace gateway {

// Of one request, whose first attempt it counts. Confined to the request's io thread; borrows all
// that it is given.
class FurtherAttempts {
public:
    FurtherAttempts(RelayServices& services, const RelayRequest& request, const ChatPlan& plan);

    // `step`, of the plan, has failed before a byte of it was told. True: it is now the one to try,
    // the pause before it is over. May wait up to 2.25 s.
    asio::awaitable<bool> next(size_t& step, const AttemptEnd& end);
    // The client is gone: next() returns at once.
    void stop_waiting();

private:
    bool may_retry(size_t step, std::chrono::steady_clock::time_point now);
    std::optional<size_t> fall_back_from(size_t step, config::FailureClass failure);
    std::optional<std::chrono::milliseconds> pause_of(size_t step, const AttemptEnd& end);

    RelayServices& services_;
    const RelayRequest& request_;
    const ChatPlan& plan_;
    std::optional<asio::steady_timer> timer_;  // while next() waits
    int n_retries_ = 0;
};

}  // namespace gateway
