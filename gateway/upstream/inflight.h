#pragma once
// How many requests are in flight to each upstream, over all io threads of the process.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace gateway {

// Any thread. Made once for all clients of a process.
class InflightCounts {
public:
    class Permit;  // gives its place back when destroyed, on any thread

    // Nothing if `n_max` are in flight to `upstream` already.
    std::optional<Permit> acquire(const std::string& upstream, int64_t n_max);
    int64_t n_inflight(const std::string& upstream) { return *count(upstream); }

private:
    using Count = std::shared_ptr<std::atomic<int64_t>>;

    Count count(const std::string& upstream) {
        const std::lock_guard lock(mutex_);
        Count& found = counts_[upstream];
        if (!found) found = std::make_shared<std::atomic<int64_t>>(0);
        return found;
    }

    std::mutex mutex_;
    std::map<std::string, Count>
        counts_;  // by an upstream's name: it outlives reloads of the config
};

class InflightCounts::Permit {
public:
    explicit Permit(Count count) : count_(std::move(count)) {}
    Permit(Permit&&) = default;
    Permit& operator=(Permit&&) = delete;
    ~Permit() {
        if (count_) --*count_;
    }

private:
    Count count_;
};

inline std::optional<InflightCounts::Permit> InflightCounts::acquire(const std::string& upstream,
                                                                     int64_t n_max) {
    Count counted = count(upstream);
    if (++*counted > n_max) {
        --*counted;
        return std::nullopt;
    }
    return std::optional<Permit>(std::in_place, std::move(counted));
}

}  // namespace gateway
