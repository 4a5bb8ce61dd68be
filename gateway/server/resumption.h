#pragma once
// Where the one coroutine of a connection waits for a callback of the same thread.
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

namespace gateway {

// Confined to one io thread. One waiter at a time; allocates nothing.
class Resumption {
public:
    // co_await it: suspends until resume().
    auto wait() {
        return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            [this](auto&& handler) { handler_.emplace(std::move(handler)); },
            boost::asio::use_awaitable);
    }
    bool is_waited_for() const { return handler_.has_value(); }
    // Runs the waiter up to its next wait before it returns, if there is one. The waiter may
    // destroy this.
    void resume() {
        if (!handler_) return;
        Handler handler = std::move(*handler_);
        handler_.reset();
        std::move(handler)();
    }
    // The waiter will never run again; its frames are destroyed by its executor.
    void drop() { handler_.reset(); }

private:
    using Handler = boost::asio::async_result<boost::asio::use_awaitable_t<>, void()>::handler_type;
    std::optional<Handler> handler_;
};

}  // namespace gateway
