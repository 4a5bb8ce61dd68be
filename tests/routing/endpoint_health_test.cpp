#include "routing/endpoint_health.h"

#include <catch2/catch.hpp>

using namespace routing;
using namespace std::chrono_literals;
using config::FailureClass;

namespace {

constexpr EndpointHealth::TimePoint kStart{std::chrono::hours(1'000)};

AttemptOutcome failed(FailureClass failure) {
    AttemptOutcome outcome;
    outcome.failure = failure;
    return outcome;
}

AttemptOutcome answered(std::chrono::milliseconds first, std::chrono::milliseconds total,
                        int64_t n_tokens) {
    AttemptOutcome outcome;
    outcome.first_token = first;
    outcome.total = total;
    outcome.n_output_tokens = n_tokens;
    return outcome;
}

}  // namespace

TEST_CASE("endpoint health: who fails goes down, and up again with the probe", "[routing]") {
    EndpointHealth health;
    int n_changes = 0;
    for (int i = 0; i < 30; ++i) {
        health.begin();
        n_changes += health.end(failed(FailureClass::server_error), kStart, 2'500);
    }
    CHECK(n_changes == 1);
    CHECK(!health.is_up(kStart));
    CHECK(!health.peek(kStart).is_up);
    CHECK(!health.look(kStart + 4s, 0).is_up);
    CHECK(!health.is_up(kStart + 4s));
    CHECK(health.is_up(kStart + 5s));  // nobody knows any more, though nobody asked
    CHECK(health.peek(kStart + 5s).is_up);
    CHECK(health.look(kStart + 5s, 0).is_up);
    CHECK(health.is_up(kStart + 5s));
    CHECK(!health.look(kStart + 5s, 0).is_up);
    health.begin();
    CHECK(health.end(answered(1ms, 2ms, 1), kStart + 6s, 0));
    CHECK(health.is_up(kStart + 6s));
}

TEST_CASE("endpoint health: the caller's faults and what we cut ourselves say nothing against it",
          "[routing]") {
    EndpointHealth health;
    for (int i = 0; i < 100; ++i) {
        for (const FailureClass failure : {FailureClass::caller_fault, FailureClass::content_policy,
                                           FailureClass::context_exceeded}) {
            health.begin();
            CHECK(!health.end(failed(failure), kStart, 0));
        }
        AttemptOutcome cut = failed(FailureClass::connect);
        cut.says_nothing = true;
        health.begin();
        CHECK(!health.end(cut, kStart, 0));
    }
    CHECK(health.is_up(kStart));
    CHECK(health.peek(kStart).n_running == 0);
}

TEST_CASE("endpoint health: Retry-After puts it behind the others for as long", "[routing]") {
    EndpointHealth health;
    AttemptOutcome limited = failed(FailureClass::rate_limit);
    limited.retry_after = 7s;
    health.begin();
    CHECK(!health.end(limited, kStart, 0));
    CHECK(health.is_up(kStart));
    CHECK(!health.look(kStart + 6s, 0).is_up);
    CHECK(health.look(kStart + 7s, 0).is_up);
}

TEST_CASE("endpoint health: means of first token and speed, which forget", "[routing]") {
    EndpointHealth health;
    CHECK(health.peek(kStart).tokens_per_s == 0);
    health.begin();
    CHECK(health.peek(kStart).n_running == 1);
    health.end(answered(500ms, 1'500ms, 100), kStart, 0);
    CHECK(health.peek(kStart).first_token_s == Approx(0.5));
    CHECK(health.peek(kStart).tokens_per_s == Approx(100));
    health.begin();
    health.end(answered(1'000ms, 2'000ms, 50), kStart + 1s, 0);
    CHECK(health.peek(kStart + 1s).first_token_s == Approx(0.6));
    CHECK(health.peek(kStart + 1s).tokens_per_s == Approx(90));
    CHECK(health.peek(kStart + 62s).tokens_per_s == 0);  // too long ago to go by
    health.begin();
    health.end(answered(100ms, 1'100ms, 10), kStart + 62s, 0);
    CHECK(health.peek(kStart + 62s).first_token_s == Approx(0.1));
    CHECK(health.peek(kStart + 62s).tokens_per_s == Approx(10));
}
