// Attempts: what a request cost the operator, written with its end and covered by its hash.
#include "billing/attempts.h"

#include <catch2/catch.hpp>

#include "billing/ledger_file.h"
#include "billing/request_view.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

// Clients pay twice as much, which the operator does not.
const AppliedPrice kDear = [] {
    AppliedPrice price = price_of("dear", {5'000'000, 500'000, 5'000'000, 30'000'000, 30'000'000});
    price.tariff.markup_ppm = 1'000'000;
    return price;
}();
const AppliedPrice kCheap = price_of("cheap", {1'000, 100, 1'000, 2'000, 2'000});

AttemptRecord failed_attempt() {
    AttemptRecord record;
    record.endpoint = "endpoint-b";
    record.model = "model-b";
    record.price = &kDear;
    record.started = {kStart.ms + 5};
    record.ended = {kStart.ms + 4};  // clocks go back
    record.outcome = AttemptOutcome::cut;
    record.tokens = {100, 0, 0, 10, 1};
    record.upstream_request = "req-at-vendor";
    return record;
}

AttemptRecord good_attempt() {
    AttemptRecord record;
    record.endpoint = "endpoint-a";
    record.model = "model-a";
    record.price = &kCheap;
    record.started = {kStart.ms + 6};
    record.ended = {kStart.ms + 900};
    record.source = CountSource::upstream;
    record.tokens = {90, 0, 0, 9, 0};
    record.upstream_tokens = TokenCounts{80, 20, 0, 11, 1};
    return record;
}

constexpr NanoUsd kFailedCost{100 * 5'000 + 11 * 30'000};
constexpr NanoUsd kGoodCost{80 + 2 + 24};

// Request 1 fails once and is answered then, request 2 fails and is released, request 3 has none.
struct Requests {
    LedgerFixture ledger;
    std::vector<Hold> holds;

    Requests() {
        ledger.open();
        const Caller alice = ledger.make_caller("alice", kUsd);
        for (int i = 0; i < 3; ++i) holds.push_back(ledger.reserve(alice, kCent));
        const AttemptRecord both[] = {failed_attempt(), good_attempt()};
        const AppliedPrice price = plain_price();
        Settlement done = settlement(price, {100, 0, 0, 10, 0});
        done.attempts = both;
        Waiter told[3];
        ledger.billing().settle(holds[0], done, &told[0]);
        ledger.billing().release(holds[1], Outcome::cut, kStart, &told[1], {both, 1});
        ledger.billing().release(holds[2], Outcome::client_gone, kStart, &told[2]);
        for (Waiter& each : told) each.wait();
    }
};

}  // namespace

TEST_CASE("attempts: are shown with their request, failed ones included", "[billing]") {
    Requests requests;
    const auto path = requests.ledger.path();
    const RequestView view = must(find_request(path, requests.holds[0].request));
    REQUIRE(view.attempts.size() == 2);
    const RequestView::AttemptView& failed = view.attempts[0];
    CHECK(failed.endpoint == "endpoint-b");
    CHECK(failed.model == "model-b");
    CHECK(failed.started == UnixMillis{kStart.ms + 5});
    CHECK(failed.ended == UnixMillis{kStart.ms + 4});
    CHECK(failed.outcome == AttemptOutcome::cut);
    CHECK(failed.source == CountSource::counted);
    CHECK(failed.tokens == TokenCounts{100, 0, 0, 10, 1});
    CHECK(!failed.upstream_tokens);
    CHECK(failed.price == "dear");
    CHECK(failed.cost == kFailedCost);
    CHECK(failed.upstream_request == "req-at-vendor");
    const RequestView::AttemptView& good = view.attempts[1];
    CHECK(good.outcome == AttemptOutcome::complete);
    CHECK(good.upstream_tokens == TokenCounts{80, 20, 0, 11, 1});
    CHECK(good.cost == kGoodCost);
    CHECK(good.upstream_request.empty());

    const RequestView released = must(find_request(path, requests.holds[1].request));
    REQUIRE(released.attempts.size() == 1);
    CHECK(released.attempts[0].cost == kFailedCost);
    CHECK(must(find_request(path, requests.holds[2].request)).attempts.empty());
    CHECK(must(verify(path)).first_bad == "");
}

TEST_CASE("attempts: reports have the operator's cost where it was made, and the margin",
          "[billing]") {
    Requests requests;
    const auto all = must(report(requests.ledger.path(), {}));
    REQUIRE(all.size() == 1);
    CHECK(all[0].n_requests == 3);
    CHECK(all[0].usd == NanoUsd{120});
    CHECK(all[0].operator_usd == kFailedCost + kFailedCost + kGoodCost);
    CHECK(all[0].margin() == all[0].usd - all[0].operator_usd);

    ReportQuery query;
    query.by = {"endpoint", "model"};
    const auto rows = must(report(requests.ledger.path(), query));
    REQUIRE(rows.size() == 3);  // two requests were released: they ended nowhere
    CHECK(rows[0].by == std::vector<std::string>{"", ""});
    CHECK(rows[0].n_requests == 2);
    CHECK(rows[0].operator_usd == NanoUsd{0});
    CHECK(rows[1].by == std::vector<std::string>{"endpoint-a", "model-a"});
    CHECK(rows[1].n_requests == 1);
    CHECK(rows[1].operator_usd == kGoodCost);
    CHECK(rows[2].by == std::vector<std::string>{"endpoint-b", "model-b"});
    CHECK(rows[2].n_requests == 0);
    CHECK(rows[2].operator_usd == kFailedCost + kFailedCost);

    query.by = {"account", "route", "day"};
    const auto by_account = must(report(requests.ledger.path(), query));
    REQUIRE(by_account.size() == 1);
    CHECK(by_account[0].operator_usd == all[0].operator_usd);
}

TEST_CASE("attempts: their numbers go on after a start, with and without an anchor", "[billing]") {
    Requests requests;
    LedgerFixture& ledger = requests.ledger;
    ledger.close();
    if (GENERATE(true, false)) std::filesystem::remove(ledger.anchors());
    ledger.open();
    const Hold hold = ledger.reserve({{1}, {1}}, kCent);
    const AttemptRecord one[] = {good_attempt()};
    Waiter told;
    ledger.billing().release(hold, Outcome::cut, kStart, &told, one);
    told.wait();
    CHECK(ledger.query("SELECT max(id) FROM attempts") == 4);
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("attempts: more than one request's are told apart, whatever their order", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    std::vector<Hold> holds;
    for (int i = 0; i < 20; ++i) holds.push_back(ledger.reserve(alice, kCent));
    Waiter last;
    for (size_t i = holds.size(); i-- > 0;) {
        const std::vector<AttemptRecord> attempts(i % 4, good_attempt());
        ledger.billing().release(holds[i], Outcome::cut, kStart, i == 0 ? &last : nullptr,
                                 attempts);
    }
    last.wait();
    for (size_t i = 0; i < holds.size(); ++i)
        CHECK(must(find_request(ledger.path(), holds[i].request)).attempts.size() == i % 4);
    CHECK(must(verify(ledger.path())).first_bad == "");
    CHECK(must(report(ledger.path(), {}))[0].operator_usd == NanoUsd{30 * kGoodCost.n});
}

TEST_CASE("attempts: the upstream's counts are cut to zero from below, and kept as it said them",
          "[billing]") {
    AttemptRow row;
    row.source = CountSource::upstream;
    row.tokens = {5, 0, 0, 5, 0};
    CHECK(attempt_cost(row, kCheap.tariff) == NanoUsd{15});  // it said nothing
    row.upstream_tokens = TokenCounts{-7, 10, 0, 1, -1};
    CHECK(attempt_cost(row, kCheap.tariff) == NanoUsd{3});
    row.source = CountSource::counted;
    CHECK(attempt_cost(row, kCheap.tariff) == NanoUsd{15});
    row.upstream_tokens = TokenCounts{INT64_MAX, INT64_MAX, 0, INT64_MAX, 0};
    row.source = CountSource::upstream;
    CHECK(attempt_cost(row, kDear.tariff) == NanoUsd{INT64_MAX});
}

TEST_CASE("verify: attempts under a true hash are held to their prices and requests", "[billing]") {
    Requests requests;
    LedgerFixture& ledger = requests.ledger;
    const Hold hold = ledger.reserve({{1}, {1}}, kCent);
    ledger.close();
    AttemptRow row;
    row.request = hold.request.n;
    row.n = 1;
    row.endpoint = row.model = row.price = 1;
    row.tokens = {100, 0, 0, 0, 0};
    row.cost = {100};
    int64_t id = 4;
    std::string complaint;
    SECTION("right") {}
    SECTION("another cost") {
        row.cost = {99};
        complaint = "attempt 1: cost is 0.000000099, its tokens and price say 0.0000001";
    }
    SECTION("of another request") {
        row.request = 1;
        complaint = "attempt 1: of another request";
    }
    SECTION("an endpoint that is no name") {
        row.endpoint = 99;
        complaint = "attempt 1: no such endpoint before it";
    }
    SECTION("a price that is none") {
        row.price = 99;
        complaint = "attempt 1: no such price before it";
    }
    SECTION("an unknown outcome") {
        row.outcome = static_cast<AttemptOutcome>(kAttemptOutcomeCount);
        complaint = "attempt 1: an unknown outcome";
    }
    SECTION("tokens below zero") {
        row.tokens.cache_read = -1;
        complaint = "attempt 1: tokens below zero";
    }
    SECTION("before the last ones") {
        id = 0;
        complaint = "names attempts of another request";
    }
    {
        const auto file = must(LedgerFile::open(ledger.path(), {}));
        ChainHead head = must(file->read_head());
        REQUIRE(file->begin());
        Entry entry(Kind::release, UnixMillis{4'000'000'000'000});
        entry.set(Column::request, hold.request.n);
        entry.set(Column::account, 1);
        entry.set(Column::outcome, 0);
        entry.set(Column::subject, id);
        const Definition attempts = Attempts{{row}};
        REQUIRE(file->append(entry, &attempts, head));
        REQUIRE(file->commit());
    }
    const std::string bad = must(verify(ledger.path())).first_bad;
    INFO(bad);
    CHECK(bad.empty() == complaint.empty());
    CHECK_THAT(bad, Catch::Contains(complaint));
}

TEST_CASE("attempts: every way to end has a name, one for each failure class", "[billing]") {
    for (size_t i = 0; i < kAttemptOutcomeCount; ++i)
        CHECK(to_string(static_cast<AttemptOutcome>(i)) != "unknown");
    CHECK(to_string(static_cast<AttemptOutcome>(kAttemptOutcomeCount)) == "unknown");
    for (size_t i = 0; i < config::kFailureClassCount; ++i) {
        const auto failure = static_cast<config::FailureClass>(i);
        CHECK(to_string(failed_as(failure)) == config::to_string(failure));
    }
}
