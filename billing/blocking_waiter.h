#pragma once
#include <condition_variable>
#include <mutex>
#include <optional>

#include "billing/billing.h"

namespace billing {

// Waits on the caller's thread for one entry.
class BlockingWaiter final : public CommitWaiter {
public:
    void on_committed(bool durable) noexcept override {
        const std::lock_guard lock(mutex_);
        durable_ = durable;
        told_.notify_one();  // under the lock: the waiter is gone right after
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        told_.wait(lock, [this] { return durable_.has_value(); });
        return *durable_;
    }

private:
    std::mutex mutex_;
    std::condition_variable told_;
    std::optional<bool> durable_;
};

}  // namespace billing
