#pragma once
// How many calls an upstream may get beyond the first of each request, so that an outage is not
// answered with more load: within 10 s a tenth of the requests that came, and 3 in any case
// (Finagle and Envoy bound retries so). Outlives reloads of the config.
//
// A call of its own right is the first of a request. A fall-back to an endpoint that is up is
// always made, and counts. A retry, of the same endpoint or of one that is down, is made only if
// the budget has room for it.
//
// Threads: any; a lock of its own, held for a few instructions.
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "config/config.h"

namespace routing {

class RetryBudget {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr int64_t kPercent = 10;
    static constexpr int64_t kRetriesMin = 3;
    static constexpr std::chrono::seconds kWindow{10};

    void note_request(TimePoint now);
    void note_fall_back(TimePoint now);
    // True: there was room, and it is taken.
    bool take(TimePoint now);

    struct View {  // of the last 10 s
        int64_t n_requests = 0, n_further = 0;
        int64_t n_left() const;  // retries for which there is room
    };
    View view(TimePoint now) const;

private:
    struct Bucket {
        int64_t second = -1;
        int64_t n_requests = 0, n_further = 0;
    };
    Bucket& bucket_at(TimePoint now);
    View sum(TimePoint now) const;

    mutable std::mutex mutex_;
    std::array<Bucket, kWindow.count()> buckets_;
};

// A request that failed where it was tried last, and has nowhere else to go.
struct FailedRequest {
    config::FailureClass failure = config::FailureClass::connect;
    std::optional<std::chrono::milliseconds> retry_after;  // as the upstream asked
    int n_retries = 0;                                     // of this request until now
    int n_client_retries = 0;  // that its client says to have made itself
};

// How long to wait before it is tried again; nothing: it is not. Full jitter (Brooker, 2015): any
// time up to 500 ms, then up to 1 s; or what the upstream asked for, if that is at most 2 s, and up
// to 250 ms more. Not after failures that are answers, or that nothing would change; nor for
// clients that have tried twice themselves.
std::optional<std::chrono::milliseconds> retry_pause(const FailedRequest& failed,
                                                     const config::Route& route, uint64_t dice);

}  // namespace routing
