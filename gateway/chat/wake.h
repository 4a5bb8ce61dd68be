#pragma once
// Lets one coroutine of an io thread wait until another handler of the same thread says go.
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace gateway {

// Confined to one io thread. At most one waiter at a time. fire() without a waiter is remembered
// once.
class Wake {
public:
    boost::asio::awaitable<void> wait() {
        if (std::exchange(fired_, false)) co_return;
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            [this](auto handler) {
                // The handler moves only, std::function copies: it lives behind one pointer.
                auto held = std::make_shared<decltype(handler)>(std::move(handler));
                resume_ = [held] { std::move (*held)(); };
            },
            boost::asio::use_awaitable);
    }
    // Resumes the waiter before it returns: not from inside a callback of libcurl.
    void fire() {
        if (!resume_) {
            fired_ = true;
            return;
        }
        const auto resume = std::exchange(resume_, nullptr);
        resume();
    }

private:
    std::function<void()> resume_;
    bool fired_ = false;
};

}  // namespace gateway
