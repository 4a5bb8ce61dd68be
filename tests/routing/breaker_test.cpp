#include "routing/breaker.h"

#include <catch2/catch.hpp>
#include <random>

using namespace routing;
using namespace std::chrono_literals;
using Result = Breaker::Result;

namespace {

// Far from the clock's zero, so that "long ago" is before it.
constexpr Breaker::TimePoint kStart{std::chrono::hours(1'000)};
constexpr uint64_t kMiddle = 2'500;  // no jitter for the first opening: 5 s

Breaker opened(Breaker::TimePoint at, uint64_t dice = kMiddle) {
    Breaker breaker;
    for (int i = 0; i < 5; ++i) (void)breaker.note(Result::connect_failure, at, dice);
    REQUIRE(breaker.is_open());
    return breaker;
}

}  // namespace

TEST_CASE("breaker: five connections that fail one after the other open it", "[routing]") {
    Breaker breaker;
    for (int i = 0; i < 4; ++i) CHECK(!breaker.note(Result::connect_failure, kStart, 0));
    CHECK(!breaker.note(Result::success, kStart, 0));
    for (int i = 0; i < 4; ++i) CHECK(!breaker.note(Result::connect_failure, kStart, 0));
    CHECK(breaker.admits(kStart, 0));
    CHECK(breaker.note(Result::connect_failure, kStart, 0));
    CHECK(!breaker.admits(kStart, 0));
}

TEST_CASE("breaker: half of twenty attempts within ten seconds open it", "[routing]") {
    Breaker breaker;
    for (int i = 0; i < 9; ++i) {
        CHECK(!breaker.note(Result::failure, kStart + i * 1s, 0));
        CHECK(!breaker.note(Result::success, kStart + i * 1s, 0));
    }
    CHECK(!breaker.note(Result::success, kStart + 9s, 0));
    SECTION("the twentieth fails: ten of twenty") {
        CHECK(breaker.note(Result::failure, kStart + 9s, 0));
        CHECK(breaker.is_open());
    }
    SECTION("a second later the first two have left the window") {
        CHECK(!breaker.note(Result::failure, kStart + 10s, 0));
        CHECK(!breaker.is_open());
    }
    SECTION("a minority of failures never does") {
        for (int i = 0; i < 1'000; ++i) {
            CHECK(!breaker.note(Result::success, kStart + 10s + i * 10ms, 0));
            CHECK(!breaker.note(Result::success, kStart + 10s + i * 10ms, 0));
            CHECK(!breaker.note(Result::failure, kStart + 10s + i * 10ms, 0));
        }
    }
}

TEST_CASE("breaker: one probe when the wait is over, and what it finds decides", "[routing]") {
    Breaker breaker = opened(kStart);
    CHECK(!breaker.admits(kStart + 4'999ms, 0));
    CHECK(!breaker.note(Result::success, kStart + 1s, 0));  // was under way: no news
    CHECK(breaker.is_open());
    CHECK(breaker.admits(kStart + 5s, 0));
    for (int i = 0; i < 100; ++i) CHECK(!breaker.admits(kStart + 6s, 0));
    SECTION("it answers: closed, and the others come back by and by") {
        CHECK(breaker.note(Result::success, kStart + 7s, 0));
        CHECK(!breaker.is_open());
        std::mt19937_64 random(1);
        const auto n_of_1000 = [&](std::chrono::milliseconds later) {
            int n = 0;
            for (int i = 0; i < 1'000; ++i) n += breaker.admits(kStart + 7s + later, random());
            return n;
        };
        CHECK(n_of_1000(0ms) < 150);
        CHECK(n_of_1000(0ms) > 50);
        CHECK(n_of_1000(5s) > 440);
        CHECK(n_of_1000(5s) < 560);
        CHECK(n_of_1000(10s) == 1'000);
    }
    SECTION("it fails: open again, for longer") {
        CHECK(!breaker.note(Result::failure, kStart + 7s, 5'000));  // 10 s without jitter
        CHECK(breaker.is_open());
        CHECK(!breaker.admits(kStart + 16'999ms, 0));
        CHECK(breaker.admits(kStart + 17s, 0));
    }
    SECTION("it does not come back: another follows") {
        CHECK(!breaker.admits(kStart + 14'999ms, 0));
        CHECK(breaker.admits(kStart + 15s, 0));
    }
}

TEST_CASE("breaker: the wait is 5 to 60 s, with jitter, and begins anew after a success",
          "[routing]") {
    std::mt19937_64 random(2);
    for (int round = 0; round < 200; ++round) {
        Breaker breaker;
        auto now = kStart;
        for (int i = 0; i < 5; ++i) (void)breaker.note(Result::connect_failure, now, random());
        for (int n = 0; n < 8; ++n) {
            const auto wait = std::min(60'000ms, 5'000ms * (1 << n));
            CHECK(!breaker.admits(now + wait / 2 - 1ms, 0));
            now += std::min(60'000ms, wait * 3 / 2);
            REQUIRE(breaker.admits(now, 0));
            (void)breaker.note(Result::failure, now, random());
            REQUIRE(breaker.is_open());
        }
        now += 60s;
        REQUIRE(breaker.admits(now, 0));
        REQUIRE(breaker.note(Result::success, now, 0));
        for (int i = 0; i < 5; ++i) (void)breaker.note(Result::connect_failure, now, kMiddle);
        CHECK(breaker.admits(now + 5s, 0));
    }
}

TEST_CASE("breaker: a pause that was asked for is kept, a minute at most", "[routing]") {
    Breaker breaker;
    breaker.hold_off(kStart, 3s);
    breaker.hold_off(kStart, 1s);
    CHECK(!breaker.admits(kStart + 2'999ms, 0));
    CHECK(breaker.admits(kStart + 3s, 0));
    breaker.hold_off(kStart, 10h);
    CHECK(!breaker.admits(kStart + 59s, 0));
    CHECK(breaker.admits(kStart + 60s, 0));
    CHECK(!breaker.is_open());
}

TEST_CASE("breaker: its state is told, and asking for it changes nothing", "[routing]") {
    using State = Breaker::State;
    Breaker breaker;
    CHECK(breaker.state(kStart) == State::closed);
    breaker.hold_off(kStart, 3s);
    CHECK(breaker.state(kStart) == State::paused);
    auto now = kStart + 3s;
    CHECK(breaker.state(now) == State::closed);
    for (int i = 0; i < 5; ++i) (void)breaker.note(Result::connect_failure, now, kMiddle);
    CHECK(breaker.state(now) == State::open);
    now += 60s;
    CHECK(breaker.state(now) == State::half_open);  // a probe is due
    CHECK(breaker.state(now) == State::half_open);
    REQUIRE(breaker.admits(now, 0));
    CHECK(breaker.state(now) == State::half_open);  // and under way
    (void)breaker.note(Result::success, now, 0);
    CHECK(breaker.state(now) == State::recovering);
    CHECK(breaker.state(now + 10s) == State::closed);
    CHECK(to_string(State::half_open) == "half_open");
}
