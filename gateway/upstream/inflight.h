#pragma once
// How many requests are in flight to each upstream, over all io threads of the process, and who
// waits for a place: accounts in fair turns (routing/fair_queue.h).
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "routing/fair_queue.h"

namespace gateway {

// Any thread. Made once for all clients of a process.
class InflightCounts {
    struct Place;

public:
    class Permit;   // gives its place back when destroyed, on any thread
    class Waiting;  // leaves the queue when destroyed

    struct Claim {
        uint64_t account = 0;
        int64_t n_tokens = 0;  // what the request may take
        int64_t n_max = 0;
        int64_t n_waiting_max = 0;
    };
    // Nothing if n_max are in flight to `upstream` already. Where requests may wait, one account
    // has at most 15 of 16 places: whoever comes new finds one without waiting for a stream to end.
    std::optional<Permit> acquire(const std::string& upstream, const Claim& claim);

    // `granted` is called on `io`'s thread, once, if a place comes free before the Waiting goes.
    // Nothing if n_waiting_max wait already. On `io`'s thread, as all that is done to a Waiting.
    std::unique_ptr<Waiting> wait(const std::string& upstream, const Claim& claim,
                                  boost::asio::io_context& io,
                                  std::function<void(Permit permit)> granted);

    int64_t n_inflight(const std::string& upstream);
    // By the name of each upstream that was ever asked.
    std::map<std::string, int64_t> n_waiting() const;

private:
    std::shared_ptr<Place> place(const std::string& upstream);

    mutable std::mutex mutex_;
    // By an upstream's name: it outlives reloads of the config.
    std::map<std::string, std::shared_ptr<Place>> places_;
};

class InflightCounts::Permit {
public:
    Permit(std::shared_ptr<Place> place, std::optional<uint64_t> account)
        : place_(std::move(place)), account_(account) {}
    Permit(Permit&&) = default;
    Permit& operator=(Permit&&) = delete;
    ~Permit();

private:
    std::shared_ptr<Place> place_;
    std::optional<uint64_t> account_;  // whose places are counted
};

class InflightCounts::Waiting {
public:
    struct Grant;
    Waiting(std::shared_ptr<Place> place, std::shared_ptr<Grant> grant)
        : place_(std::move(place)), grant_(std::move(grant)) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting();

private:
    const std::shared_ptr<Place> place_;
    const std::shared_ptr<Grant> grant_;
};

}  // namespace gateway
