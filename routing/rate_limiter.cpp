#include "routing/rate_limiter.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace routing {

namespace {

constexpr size_t kSweepMin = 1'024;
constexpr double kMinute = 60;

std::chrono::milliseconds time_for(double amount, int64_t per_minute) {
    return std::chrono::milliseconds(static_cast<int64_t>(
        std::ceil(amount * kMinute * 1'000 / static_cast<double>(per_minute))));
}

double fly_off(double level, int64_t per_minute, double elapsed_s) {
    return std::max(0.0, level - elapsed_s * static_cast<double>(per_minute) / kMinute);
}

bool overflows(double level, int64_t amount, int64_t limit) {
    constexpr double kRounding = 1e-6;  // what is due at an instant is there at that instant
    return limit > 0 &&
           level + static_cast<double>(amount) > static_cast<double>(limit) + kRounding;
}

// Keeps the level that has the smallest share left.
void note(RateLevel& tightest, double level, int64_t limit) {
    if (limit == 0) return;
    const auto left = static_cast<double>(limit) - level;
    const RateLevel seen{limit, static_cast<int64_t>(std::max(0.0, std::floor(left + 1e-6))),
                         std::chrono::milliseconds(static_cast<int64_t>(
                             level * kMinute * 1'000 / static_cast<double>(limit)))};
    const auto share = [](const RateLevel& each) {
        return static_cast<double>(each.remaining) / static_cast<double>(each.limit);
    };
    if (tightest.limit == 0 || share(seen) < share(tightest)) tightest = seen;
}

}  // namespace

void RateLimiter::Bucket::flow(TimePoint now) {
    const double elapsed_s = std::max(0.0, std::chrono::duration<double>(now - at).count());
    requests = fly_off(requests, rate.requests_per_minute, elapsed_s);
    tokens = fly_off(tokens, rate.tokens_per_minute, elapsed_s);
    at = std::max(at, now);
}

size_t RateLimiter::Hash::operator()(const RateSubject& subject) const {
    uint64_t x = static_cast<uint64_t>(subject.id) * 0x9e3779b97f4a7c15 ^ subject.route ^
                 static_cast<uint64_t>(subject.scope);
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    return x ^ x >> 31;
}

RateLimiter::Bucket& RateLimiter::bucket_of(const RateClaim& claim, TimePoint now) {
    if (buckets_.size() >= sweep_at_) sweep(now);
    Bucket& bucket = buckets_[claim.subject];
    if (bucket.at == TimePoint{}) bucket.at = now;
    bucket.rate = claim.rate;  // of the config as it is now
    bucket.flow(now);
    return bucket;
}

// Those that nobody would miss.
void RateLimiter::sweep(TimePoint now) {
    for (auto at = buckets_.begin(); at != buckets_.end();) {
        at->second.flow(now);
        at = at->second.is_empty() ? buckets_.erase(at) : std::next(at);
    }
    sweep_at_ = std::max(kSweepMin, 2 * buckets_.size());
}

tl::expected<RateLevels, RateRefusal> RateLimiter::admit(std::span<const RateClaim> claims,
                                                         int64_t n_tokens, TimePoint now) {
    using Kind = RateRefusal::Kind;
    const std::lock_guard lock(mutex_);
    RateLevels levels;
    std::optional<RateRefusal> refusal;
    // The refusal that lasts longest is told: who waits for less would be refused again.
    const auto refuse = [&](RateRefusal found) {
        const bool is_worse = !refusal || found.kind == Kind::too_large ||
                              (refusal->kind != Kind::too_large && found.wait > refusal->wait);
        if (is_worse) refusal = found;
    };
    for (const RateClaim& claim : claims) {
        const Bucket& bucket = bucket_of(claim, now);
        const config::RateLimit& rate = claim.rate;
        if (rate.tokens_per_minute > 0 && n_tokens > rate.tokens_per_minute)
            refuse({Kind::too_large, rate.tokens_per_minute, 0, n_tokens, {}, {}});
        if (overflows(bucket.requests, 1, rate.requests_per_minute)) {
            const double missing =
                bucket.requests + 1 - static_cast<double>(rate.requests_per_minute);
            refuse({Kind::requests,
                    rate.requests_per_minute,
                    static_cast<int64_t>(std::ceil(bucket.requests)),
                    1,
                    time_for(missing, rate.requests_per_minute),
                    {}});
        }
        if (overflows(bucket.tokens, n_tokens, rate.tokens_per_minute)) {
            const double missing = bucket.tokens + static_cast<double>(n_tokens) -
                                   static_cast<double>(rate.tokens_per_minute);
            refuse({Kind::tokens,
                    rate.tokens_per_minute,
                    static_cast<int64_t>(std::ceil(bucket.tokens)),
                    n_tokens,
                    time_for(missing, rate.tokens_per_minute),
                    {}});
        }
        if (rate.n_running_max > 0 && bucket.n_running >= rate.n_running_max)
            refuse({Kind::running, rate.n_running_max, bucket.n_running, 1, {}, {}});
    }
    for (const RateClaim& claim : claims) {
        Bucket& bucket = buckets_.at(claim.subject);
        if (!refusal) {
            if (claim.rate.requests_per_minute > 0) bucket.requests += 1;
            if (claim.rate.tokens_per_minute > 0) bucket.tokens += static_cast<double>(n_tokens);
            ++bucket.n_running;
        }
        note(levels.requests, bucket.requests, claim.rate.requests_per_minute);
        note(levels.tokens, bucket.tokens, claim.rate.tokens_per_minute);
    }
    if (!refusal) return levels;
    refusal->levels = levels;
    return tl::unexpected(*refusal);
}

void RateLimiter::end(std::span<const RateClaim> claims, int64_t n_more_tokens, TimePoint now) {
    const std::lock_guard lock(mutex_);
    for (const RateClaim& claim : claims) {
        const auto at = buckets_.find(claim.subject);
        if (at == buckets_.end()) continue;
        Bucket& bucket = at->second;
        bucket.flow(now);
        --bucket.n_running;
        if (claim.rate.tokens_per_minute > 0)
            bucket.tokens = std::max(0.0, bucket.tokens + static_cast<double>(n_more_tokens));
    }
}

size_t RateLimiter::n_buckets() {
    const std::lock_guard lock(mutex_);
    return buckets_.size();
}

}  // namespace routing
