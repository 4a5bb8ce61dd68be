#include "routing/retry_budget.h"

#include <catch2/catch.hpp>
#include <deque>
#include <random>

using namespace routing;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr RetryBudget::TimePoint kStart{seconds(1'000)};

config::Route route(int n_retries_max) {
    config::Route route;
    route.n_retries_max = n_retries_max;
    return route;
}

}  // namespace

TEST_CASE("retry budget: a tenth of the requests of 10 s, and 3 in any case", "[routing]") {
    RetryBudget budget;
    for (int i = 0; i < 5; ++i) CHECK(budget.take(kStart) == (i < 3));
    for (int i = 0; i < 100; ++i) budget.note_request(kStart + seconds(1));
    for (int i = 0; i < 10; ++i) CHECK(budget.take(kStart + seconds(2)) == (i < 7));
    CHECK(budget.view(kStart + seconds(2)).n_requests == 100);
    CHECK(budget.view(kStart + seconds(2)).n_further == 10);
    // What is 10 s old counts no more.
    CHECK_FALSE(budget.take(kStart + seconds(9)));
    CHECK(budget.take(kStart + seconds(12)));
    CHECK(budget.view(kStart + seconds(60)).n_further == 0);
}

TEST_CASE("retry budget: fall-backs are always made and leave less room", "[routing]") {
    RetryBudget budget;
    for (int i = 0; i < 100; ++i) budget.note_request(kStart);
    for (int i = 0; i < 9; ++i) budget.note_fall_back(kStart);
    CHECK(budget.take(kStart));
    CHECK_FALSE(budget.take(kStart));
}

TEST_CASE("retry budget: at no rate and in no window more than it says", "[routing]") {
    std::mt19937_64 random(9);
    for (int round = 0; round < 20; ++round) {
        RetryBudget budget;
        std::deque<int64_t> requests, taken;  // by the second
        auto now = kStart;
        const auto pace = milliseconds(1 + static_cast<int64_t>(random() % 50));
        for (int i = 0; i < 5'000; ++i) {
            now += milliseconds(static_cast<int64_t>(random() % 2) * 2 * pace.count());
            const int64_t second = now.time_since_epoch() / seconds(1);
            budget.note_request(now);
            requests.push_back(second);
            while (!requests.empty() && requests.front() <= second - 10) requests.pop_front();
            while (!taken.empty() && taken.front() <= second - 10) taken.pop_front();
            while (random() % 3 != 0) {  // nearly all fail
                const bool has_room = taken.size() < std::max<size_t>(3, requests.size() / 10);
                REQUIRE(budget.take(now) == has_room);
                if (has_room) taken.push_back(second);
            }
            const auto view = budget.view(now);
            REQUIRE(view.n_requests == static_cast<int64_t>(requests.size()));
            REQUIRE(view.n_further == static_cast<int64_t>(taken.size()));
        }
    }
}

TEST_CASE("retry budget: through an outage of everything, calls are at most 1.1 of requests",
          "[routing]") {
    RetryBudget budget;
    int64_t n_calls = 0, n_requests = 0;
    for (auto now = kStart; now < kStart + seconds(60); now += milliseconds(2)) {  // 500 a second
        ++n_requests;
        ++n_calls;
        budget.note_request(now);
        for (int retry = 0; retry < 2; ++retry) n_calls += budget.take(now) ? 1 : 0;
    }
    CHECK(n_calls <= n_requests * 11 / 10 + RetryBudget::kRetriesMin);
    CHECK(n_calls > n_requests * 109 / 100);  // and what it allows is used
}

TEST_CASE("retry pause: full jitter, as often as the route says", "[routing]") {
    FailedRequest failed;
    failed.failure = config::FailureClass::server_error;
    CHECK_FALSE(retry_pause(failed, route(0), 1));
    std::mt19937_64 random(2);
    for (const int n : {0, 1}) {
        failed.n_retries = n;
        milliseconds least{10'000}, most{0};
        for (int i = 0; i < 10'000; ++i) {
            const auto pause = retry_pause(failed, route(2), random());
            REQUIRE(pause);
            least = std::min(least, *pause);
            most = std::max(most, *pause);
        }
        CHECK(least <= milliseconds(2));
        CHECK(most <= milliseconds(500) * (n + 1));
        CHECK(most >= milliseconds(495) * (n + 1));
    }
    failed.n_retries = 2;
    CHECK_FALSE(retry_pause(failed, route(2), 1));
}

TEST_CASE("retry pause: what was asked for is kept, or nothing is tried", "[routing]") {
    FailedRequest failed;
    failed.failure = config::FailureClass::rate_limit;
    failed.retry_after = milliseconds(2'000);
    for (uint64_t dice = 0; dice < 1'000; ++dice) {
        const auto pause = retry_pause(failed, route(1), dice * 7'919).value();
        CHECK(pause >= milliseconds(2'000));
        CHECK(pause <= milliseconds(2'250));
    }
    failed.retry_after = milliseconds(2'001);
    CHECK_FALSE(retry_pause(failed, route(1), 1));
}

TEST_CASE("retry pause: only after what may pass, and not behind a client's own", "[routing]") {
    for (size_t i = 0; i < config::kFailureClassCount; ++i) {
        FailedRequest failed;
        failed.failure = static_cast<config::FailureClass>(i);
        const std::string_view word = to_string(failed.failure);
        const bool passes = word == "connect" || word == "rate_limit" || word == "overloaded" ||
                            word == "server_error";
        CHECK(retry_pause(failed, route(1), 1).has_value() == passes);
        failed.n_client_retries = 1;
        CHECK(retry_pause(failed, route(1), 1).has_value() == passes);
        failed.n_client_retries = 2;
        CHECK_FALSE(retry_pause(failed, route(1), 1));
    }
}
