#include "gateway/chat/charge.h"

#include <catch2/catch.hpp>

using namespace gateway;
using billing::Outcome;

namespace {

AttemptFacts remote() {
    AttemptFacts facts;
    facts.n_prompt_estimate = 100;
    facts.n_prompt_held = 400;
    facts.n_output_held = 1'000;
    facts.n_text_bytes = 81;
    facts.n_reasoning_bytes = 40;
    return facts;
}

AttemptEnd complete(std::optional<Usage> usage, std::string finish_reason = "stop") {
    AttemptEnd end;
    end.kind = AttemptEnd::Kind::complete;
    end.usage = usage;
    end.finish_reason = std::move(finish_reason);
    return end;
}

AttemptEnd failed(config::FailureClass failure) {
    AttemptEnd end;
    end.kind = AttemptEnd::Kind::failed;
    end.failure = failure;
    end.usage = Usage{50, 0, 0, 20, 0};
    return end;
}

billing::AttemptRecord attempt_of(const AttemptEnd& end, const AttemptFacts& facts) {
    static const config::Endpoint endpoint;
    static const billing::AppliedPrice price;
    return record_of(end, facts, endpoint, price);
}

int64_t sum(const billing::TokenCounts& t) {
    return t.input_uncached + t.cache_read + t.cache_write + t.output_answer + t.output_reasoning;
}

}  // namespace

TEST_CASE("charge: a complete answer is charged as its usage says, in disjoint classes",
          "[charge]") {
    const Charge charge = charge_for(complete(Usage{120, 100, 8, 30, 25}), remote());
    CHECK(charge.settles);
    CHECK(charge.tokens == billing::TokenCounts{12, 100, 8, 5, 25});
    CHECK(charge.source == billing::CountSource::upstream);
    CHECK(charge.flags == billing::flag_none);
    CHECK(charge.outcome == Outcome::ok);
    CHECK(charge.upstream_tokens == charge.tokens);
}

TEST_CASE("charge: the finish reason decides the outcome", "[charge]") {
    CHECK(charge_for(complete(Usage{1, 0, 0, 1, 0}, "length"), remote()).outcome ==
          Outcome::length);
    CHECK(charge_for(complete(Usage{1, 0, 0, 1, 0}, "tool_calls"), remote()).outcome ==
          Outcome::tool_calls);
    CHECK(charge_for(complete(Usage{1, 0, 0, 1, 0}, "content_filter"), remote()).outcome ==
          Outcome::content_filter);
}

TEST_CASE("charge: usage that nobody stated is our count, flagged, never above the hold",
          "[charge]") {
    const Charge charge = charge_for(complete({}), remote());
    CHECK(charge.settles);
    CHECK(charge.source == billing::CountSource::counted);
    CHECK(charge.flags == billing::flag_estimated);
    CHECK(charge.tokens == billing::TokenCounts{100, 0, 0, 11, 10});
    CHECK_FALSE(charge.upstream_tokens);

    AttemptFacts tight = remote();
    tight.n_prompt_held = 7;
    tight.n_output_held = 3;
    CHECK(charge_for(complete({}), tight).tokens == billing::TokenCounts{7, 0, 0, 0, 3});
}

TEST_CASE("charge: a usage of 0 is 0, flagged", "[charge]") {
    const Charge charge = charge_for(complete(Usage{}), remote());
    CHECK(charge.settles);
    CHECK(sum(charge.tokens) == 0);
    CHECK(charge.flags == billing::flag_usage_zero);
}

TEST_CASE("charge: an absurd usage is cut to the hold, flagged, and kept as stated", "[charge]") {
    const int64_t absurd = 1'000'000'000'000;
    const Charge charge = charge_for(complete(Usage{absurd, absurd * 2, 5, absurd, -3}), remote());
    CHECK(charge.flags == billing::flag_usage_clamped);
    CHECK(charge.tokens == billing::TokenCounts{0, 400, 0, 1'000, 0});
    CHECK(charge.upstream_tokens->cache_read == absurd * 2);
}

TEST_CASE("charge: any stated usage ends in classes that are possible", "[charge]") {
    const int64_t values[] = {-5, 0, 1, 7, 400, 401, 1'000, 1'001, int64_t{1} << 40};
    for (const int64_t n_prompt : values)
        for (const int64_t read : values)
            for (const int64_t write : values)
                for (const int64_t n_output : values)
                    for (const int64_t reasoning : values) {
                        bool clamped = false;
                        const auto t = token_counts({n_prompt, read, write, n_output, reasoning},
                                                    400, 1'000, clamped);
                        REQUIRE(t.input_uncached >= 0);
                        REQUIRE(t.cache_read >= 0);
                        REQUIRE(t.cache_write >= 0);
                        REQUIRE(t.output_answer >= 0);
                        REQUIRE(t.output_reasoning >= 0);
                        REQUIRE(t.input_uncached + t.cache_read + t.cache_write <= 400);
                        REQUIRE(t.output_answer + t.output_reasoning <= 1'000);
                    }
}

TEST_CASE("charge: a failed attempt costs the client nothing", "[charge]") {
    using config::FailureClass;
    const std::pair<FailureClass, Outcome> rows[] = {
        {FailureClass::cut, Outcome::cut},
        {FailureClass::timeout_idle, Outcome::cut},
        {FailureClass::malformed, Outcome::cut},
        {FailureClass::connect, Outcome::upstream_error},
        {FailureClass::credential, Outcome::upstream_error},
        {FailureClass::rate_limit, Outcome::rate_limit},
        {FailureClass::caller_fault, Outcome::caller_error},
        {FailureClass::context_exceeded, Outcome::caller_error},
    };
    for (const auto& [failure, outcome] : rows) {
        const Charge charge = charge_for(failed(failure), remote());
        CHECK_FALSE(charge.settles);
        CHECK(sum(charge.tokens) == 0);
        CHECK(charge.outcome == outcome);
    }
}

TEST_CASE("charge: a client that hung up pays the prompt and what was produced", "[charge]") {
    AttemptFacts facts = remote();
    facts.client_gone = true;
    AttemptEnd end;
    end.kind = AttemptEnd::Kind::cancelled;
    const Charge counted = charge_for(end, facts);
    CHECK(counted.settles);
    CHECK(counted.outcome == Outcome::client_gone);
    CHECK(counted.tokens == billing::TokenCounts{100, 0, 0, 11, 10});

    facts.is_engine = true;
    end.source = billing::CountSource::engine;
    end.usage = Usage{64, 0, 0, 9, 4};
    const Charge exact = charge_for(end, facts);
    CHECK(exact.tokens == billing::TokenCounts{64, 0, 0, 5, 4});
    CHECK(exact.source == billing::CountSource::engine);
    CHECK(exact.flags == billing::flag_none);
    CHECK_FALSE(exact.upstream_tokens);
}

TEST_CASE("attempt record: the operator pays what the upstream said, if that is possible",
          "[charge]") {
    const billing::AttemptRecord stated =
        attempt_of(complete(Usage{120, 100, 8, 30, 25}), remote());
    CHECK(stated.outcome == billing::AttemptOutcome::complete);
    CHECK(stated.source == billing::CountSource::upstream);
    CHECK(stated.upstream_tokens == billing::TokenCounts{12, 100, 8, 5, 25});
    CHECK(stated.tokens == billing::TokenCounts{100, 0, 0, 11, 10});  // ours, beside theirs
    const billing::AttemptRecord impossible =
        attempt_of(complete(Usage{1'000'000'000'000, 0, 0, 30, 0}), remote());
    CHECK(impossible.source == billing::CountSource::counted);
    CHECK(impossible.upstream_tokens->input_uncached == 1'000'000'000'000);
    const billing::AttemptRecord unstated = attempt_of(complete(std::nullopt), remote());
    CHECK(unstated.source == billing::CountSource::counted);
    CHECK(!unstated.upstream_tokens);
    CHECK(unstated.tokens == billing::TokenCounts{100, 0, 0, 11, 10});
}

TEST_CASE("attempt record: what was refused cost nothing, what broke later is counted",
          "[charge]") {
    using config::FailureClass;
    AttemptFacts silent = remote();
    silent.n_text_bytes = silent.n_reasoning_bytes = 0;
    for (size_t i = 0; i < config::kFailureClassCount; ++i) {
        const auto failure = static_cast<FailureClass>(i);
        AttemptEnd end = failed(failure);
        end.usage.reset();
        INFO(config::to_string(failure));
        const bool is_late = failure == FailureClass::timeout_ttft ||
                             failure == FailureClass::timeout_idle ||
                             failure == FailureClass::cut || failure == FailureClass::malformed;
        const billing::AttemptRecord early = attempt_of(end, silent);
        CHECK(early.outcome == billing::failed_as(failure));
        CHECK(sum(early.tokens) == (is_late ? 100 : 0));
        CHECK(sum(attempt_of(end, remote()).tokens) == 121);  // its answer had begun
    }
    AttemptEnd cancelled;
    cancelled.kind = AttemptEnd::Kind::cancelled;
    CHECK(attempt_of(cancelled, silent).outcome == billing::AttemptOutcome::cancelled);
    CHECK(sum(attempt_of(cancelled, silent).tokens) == 100);
}

TEST_CASE("attempt record: an engine's count is its own", "[charge]") {
    AttemptFacts facts = remote();
    facts.is_engine = true;
    AttemptEnd end = complete(Usage{120, 100, 0, 30, 25});
    end.source = billing::CountSource::engine;
    const billing::AttemptRecord record = attempt_of(end, facts);
    CHECK(record.source == billing::CountSource::engine);
    CHECK(record.tokens == billing::TokenCounts{20, 100, 0, 5, 25});
    CHECK(!record.upstream_tokens);
}

TEST_CASE("charge: what is told as usage is what was charged", "[charge]") {
    const billing::TokenCounts tokens{12, 100, 8, 5, 25};
    const Usage usage = usage_of(tokens);
    CHECK(usage.n_prompt == 120);
    CHECK(usage.n_output == 30);
    bool clamped = false;
    CHECK(token_counts(usage, 120, 30, clamped) == tokens);
    CHECK(!clamped);
}
