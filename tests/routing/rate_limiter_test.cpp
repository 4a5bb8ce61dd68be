#include "routing/rate_limiter.h"

#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <vector>

using namespace routing;
using namespace std::chrono_literals;
using Kind = RateRefusal::Kind;
using Scope = RateSubject::Scope;

namespace {

constexpr RateLimiter::TimePoint kStart{std::chrono::hours(1'000)};

std::vector<RateClaim> key(int64_t id, config::RateLimit rate) {
    return {{{Scope::key, id, 0}, rate}};
}

}  // namespace

TEST_CASE("rate limiter: a minute's worth at once, then evenly", "[routing]") {
    RateLimiter limiter;
    const auto claims = key(1, {3, 0, 0});
    for (int64_t left : {2, 1, 0}) {
        const auto levels = limiter.admit(claims, 10, kStart);
        REQUIRE(levels);
        CHECK(levels->requests.limit == 3);
        CHECK(levels->requests.remaining == left);
        CHECK(levels->requests.until_full == (3 - left) * 20s);
        CHECK(levels->tokens.limit == 0);
    }
    const auto refused = limiter.admit(claims, 10, kStart);
    REQUIRE(!refused);
    CHECK(refused.error().kind == Kind::requests);
    CHECK(refused.error().limit == 3);
    CHECK(refused.error().used == 3);
    CHECK(refused.error().wait == 20s);
    CHECK(refused.error().levels.requests.remaining == 0);
    CHECK(!limiter.admit(claims, 10, kStart + 19'999ms));
    CHECK(limiter.admit(claims, 10, kStart + 20s));
    CHECK(!limiter.admit(claims, 10, kStart + 20s));
    CHECK(limiter.admit(key(2, {3, 0, 0}), 10, kStart + 20s));  // another's bucket
}

TEST_CASE("rate limiter: tokens by estimate, corrected at the end", "[routing]") {
    RateLimiter limiter;
    const auto claims = key(1, {0, 6'000, 0});
    REQUIRE(limiter.admit(claims, 2'000, kStart)->tokens.remaining == 4'000);
    limiter.end(claims, 3'000, kStart);  // it came to 5,000
    const auto refused = limiter.admit(claims, 2'000, kStart);
    REQUIRE(!refused);
    CHECK(refused.error().kind == Kind::tokens);
    CHECK(refused.error().used == 5'000);
    CHECK(refused.error().asked == 2'000);
    CHECK(refused.error().wait == 10s);
    CHECK(limiter.admit(claims, 2'000, kStart + 10s));
    limiter.end(claims, -2'000, kStart + 10s);  // nothing came of it
    CHECK(limiter.admit(claims, 2'000, kStart + 10s));
    limiter.end(claims, 50'000,
                kStart + 10s);  // far more than the bucket holds: paid for by waiting
    CHECK(limiter.admit(claims, 1, kStart + 10s).error().wait > 480s);
    const auto large = limiter.admit(claims, 6'001, kStart + 10h);
    REQUIRE(!large);
    CHECK(large.error().kind == Kind::too_large);
}

TEST_CASE("rate limiter: so many at once", "[routing]") {
    RateLimiter limiter;
    const auto claims = key(1, {0, 0, 2});
    CHECK(limiter.admit(claims, 1, kStart));
    CHECK(limiter.admit(claims, 1, kStart));
    const auto refused = limiter.admit(claims, 1, kStart + 1h);
    REQUIRE(!refused);
    CHECK(refused.error().kind == Kind::running);
    CHECK(refused.error().used == 2);
    limiter.end(claims, 0, kStart + 1h);
    CHECK(limiter.admit(claims, 1, kStart + 1h));
}

TEST_CASE("rate limiter: all buckets or none, and the tightest is told", "[routing]") {
    RateLimiter limiter;
    const RateSubject account{Scope::account, 7, 0};
    const auto both = [&](int64_t id) {
        return std::vector<RateClaim>{{{Scope::key, id, 0}, {10, 0, 0}}, {account, {4, 0, 0}}};
    };
    CHECK(limiter.admit(both(1), 1, kStart)->requests.limit == 4);
    for (int i = 0; i < 3; ++i) CHECK(limiter.admit(both(2), 1, kStart));
    for (int i = 0; i < 20; ++i) CHECK(limiter.admit(both(1), 1, kStart).error().limit == 4);
    // What was refused took nothing from the key's own bucket: one of ten was taken.
    CHECK(limiter.admit(key(1, {10, 0, 0}), 1, kStart)->requests.remaining == 8);
}

TEST_CASE("rate limiter: never more than the limit within any minute beyond one bucket",
          "[routing]") {
    std::mt19937_64 random(5);
    RateLimiter limiter;
    const auto claims = key(1, {60, 0, 0});
    std::deque<RateLimiter::TimePoint> admitted;
    auto now = kStart;
    int n_admitted = 0;
    for (int i = 0; i < 200'000; ++i) {
        now += std::chrono::milliseconds(random() % 50);
        if (!limiter.admit(claims, 1, now)) continue;
        ++n_admitted;
        limiter.end(claims, 0, now);
        admitted.push_back(now);
        while (admitted.front() <= now - 60s) admitted.pop_front();
        REQUIRE(admitted.size() <= 120);
    }
    const double minutes = std::chrono::duration<double>(now - kStart).count() / 60;
    CHECK(n_admitted <= 60 * minutes + 61);
    CHECK(n_admitted >= 60 * minutes - 1);
}

TEST_CASE("rate limiter: buckets that are empty again are forgotten", "[routing]") {
    RateLimiter limiter;
    for (int64_t id = 1; id <= 100'000; ++id) {
        const auto claims = key(id, {60, 0, 0});
        const auto now = kStart + id * 1ms;
        REQUIRE(limiter.admit(claims, 1, now));
        limiter.end(claims, 0, now);
    }
    CHECK(limiter.n_buckets() < 4'096);  // a second's worth is 1,000
}

TEST_CASE("rate limiter: a limit that a reload changed holds from then on", "[routing]") {
    RateLimiter limiter;
    for (int i = 0; i < 5; ++i) REQUIRE(limiter.admit(key(1, {5, 0, 0}), 1, kStart));
    CHECK(!limiter.admit(key(1, {5, 0, 0}), 1, kStart));
    CHECK(limiter.admit(key(1, {10, 0, 0}), 1, kStart)->requests.remaining == 4);
    CHECK(!limiter.admit(key(1, {2, 0, 0}), 1, kStart));
}
