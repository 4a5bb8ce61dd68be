#pragma once
// Lets one coroutine of an io thread wait until another handler of the same thread says go.
#include <utility>

#include "gateway/server/resumption.h"

namespace gateway {

// Confined to one io thread. At most one waiter at a time. fire() without a waiter is remembered
// once.
class Wake {
public:
    boost::asio::awaitable<void> wait() {
        if (!std::exchange(fired_, false)) co_await resumption_.wait();
    }
    // Resumes the waiter before it returns: not from inside a callback of libcurl.
    void fire() {
        if (resumption_.is_waited_for()) {
            resumption_.resume();
        } else {
            fired_ = true;
        }
    }

private:
    Resumption resumption_;
    bool fired_ = false;
};

}  // namespace gateway
