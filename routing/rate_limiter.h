#pragma once
// How much each key and account may ask for in a minute, and at once. A bucket for each, full after
// its limit and emptied evenly over 60 s: what a client may do at once after a pause is one
// minute's worth. A request takes from all buckets that it belongs to, or from none.
//
// Times are given, never read. Threads: any; one lock, held for less than a microsecond.
#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>
#include <tl/expected.hpp>
#include <unordered_map>

#include "config/config.h"

namespace routing {

// Whose bucket: a key or an account, over all routes or on one.
struct RateSubject {
    enum class Scope : uint8_t { key, account };
    Scope scope = Scope::key;
    int64_t id = 0;
    uint64_t route = 0;  // a hash of its name; 0: all
    friend bool operator==(const RateSubject&, const RateSubject&) = default;
};

struct RateClaim {
    RateSubject subject;
    config::RateLimit rate;
};

// Of the bucket with the smallest share left.
struct RateLevel {
    int64_t limit = 0;  // a minute; 0: there is none
    int64_t remaining = 0;
    std::chrono::milliseconds until_full{0};  // that is, until all of the limit is there again
};
struct RateLevels {
    RateLevel requests, tokens;
};

struct RateRefusal {
    enum class Kind : uint8_t {
        requests,
        tokens,
        too_large,  // more tokens than the limit: waiting does not help
        running,    // too many at once
    };
    Kind kind = Kind::requests;
    int64_t limit = 0, used = 0, asked = 0;
    std::chrono::milliseconds wait{0};  // 0: not known
    RateLevels levels;
};

class RateLimiter {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // `n_tokens` is an estimate. What is admitted ends with end(), said once with the same claims.
    tl::expected<RateLevels, RateRefusal> admit(std::span<const RateClaim> claims, int64_t n_tokens,
                                                TimePoint now);
    // `n_more_tokens`: used beyond the estimate, or below 0. A bucket may overflow by that: who
    // comes next waits for longer.
    void end(std::span<const RateClaim> claims, int64_t n_more_tokens, TimePoint now);

    size_t n_buckets();

private:
    struct Bucket {
        double requests = 0, tokens = 0;  // taken and not flown off
        int64_t n_running = 0;
        TimePoint at{};
        config::RateLimit rate;
        void flow(TimePoint now);
        bool is_empty() const { return requests == 0 && tokens == 0 && n_running == 0; }
    };
    struct Hash {
        size_t operator()(const RateSubject& subject) const;
    };

    Bucket& bucket_of(const RateClaim& claim, TimePoint now);
    void sweep(TimePoint now);

    std::mutex mutex_;
    std::unordered_map<RateSubject, Bucket, Hash> buckets_;
    size_t sweep_at_ = 1'024;
};

}  // namespace routing
