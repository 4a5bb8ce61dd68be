// Refunds: new entries that give back of a charge, each reference once.
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>
#include <vector>

#include "billing/ledger_file.h"
#include "billing/request_view.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

// One request of 100 nano-dollars by "alice".
struct Charged {
    LedgerFixture ledger;
    Caller alice;
    RequestId request;

    Charged() {
        ledger.open();
        alice = ledger.make_caller("alice", kUsd);
        request = charge(100);
    }
    RequestId charge(int64_t n_tokens) {
        const Hold hold = ledger.reserve(alice, kCent);
        ledger.settle(hold, {n_tokens, 0, 0, 0, 0});
        return hold.request;
    }
    Result<Refunded> refund(std::optional<int64_t> amount, const std::string& ref) {
        return refund_of(request, amount, ref);
    }
    Result<Refunded> refund_of(RequestId of, std::optional<int64_t> amount,
                               const std::string& ref) {
        Refund refund{of, std::nullopt, ref, "the answer was empty"};
        if (amount) refund.amount = NanoUsd{*amount};
        return ledger.billing().refund(refund);
    }
    NanoUsd spent() { return must(ledger.billing().balance("alice")).spent; }
    int64_t n_refunds() { return ledger.query("SELECT count(*) FROM entries WHERE kind = 10"); }
};

Errc code_of(const Result<Refunded>& result) {
    return result ? throw std::runtime_error("refunded") : result.error().code;
}

}  // namespace

TEST_CASE("refund: gives back a part, then all that is left, and no more", "[billing]") {
    Charged it;
    const Refunded part = must(it.refund(30, "T-1"));
    CHECK(part.amount == NanoUsd{30});
    CHECK(part.left == NanoUsd{70});
    CHECK(part.is_new);
    CHECK(it.spent() == NanoUsd{70});
    CHECK(code_of(it.refund(71, "T-2")) == Errc::refund_refused);
    const Refunded rest = must(it.refund(std::nullopt, "T-2"));
    CHECK(rest.amount == NanoUsd{70});
    CHECK(rest.left == NanoUsd{0});
    CHECK(it.spent() == NanoUsd{0});
    CHECK(code_of(it.refund(std::nullopt, "T-3")) == Errc::refund_refused);
    CHECK(code_of(it.refund(1, "T-3")) == Errc::refund_refused);
    CHECK(it.n_refunds() == 2);
    CHECK(must(it.ledger.billing().balance("alice")).available() == kUsd);
    CHECK(must(verify(it.ledger.path())).first_bad == "");
}

TEST_CASE("refund: a reference said again changes nothing and gets the answer of then",
          "[billing]") {
    Charged it;
    must(it.refund(30, "T-1"));
    for (const auto amount : {std::optional<int64_t>(30), std::optional<int64_t>()}) {
        const Refunded again = must(it.refund(amount, "T-1"));
        CHECK(again.amount == NanoUsd{30});
        CHECK(again.left == NanoUsd{70});
        CHECK(!again.is_new);
    }
    CHECK(code_of(it.refund(31, "T-1")) == Errc::reference_taken);
    const RequestId other = it.charge(50);
    CHECK(code_of(it.refund_of(other, 30, "T-1")) == Errc::reference_taken);
    // Also by another process, later.
    it.ledger.open();
    CHECK(!must(it.refund(30, "T-1")).is_new);
    CHECK(it.n_refunds() == 1);
    CHECK(it.spent() == NanoUsd{120});
    CHECK(must(it.refund_of(other, std::nullopt, "T-2")).amount == NanoUsd{50});
}

TEST_CASE("refund: of what was not charged, and in bad words, is refused", "[billing]") {
    Charged it;
    CHECK(code_of(it.refund_of({99}, 1, "T-1")) == Errc::request_unknown);
    const Hold open = it.ledger.reserve(it.alice, kCent);
    CHECK(code_of(it.refund_of(open.request, 1, "T-1")) == Errc::refund_refused);
    Waiter released;
    it.ledger.billing().release(open, Outcome::cut, kStart, &released);
    released.wait();
    CHECK(code_of(it.refund_of(open.request, 1, "T-1")) == Errc::refund_refused);
    CHECK(code_of(it.refund_of(it.charge(0), std::nullopt, "T-1")) == Errc::refund_refused);
    CHECK(code_of(it.refund(0, "T-1")) == Errc::amount_invalid);
    CHECK(code_of(it.refund(-1, "T-1")) == Errc::amount_invalid);
    for (const std::string& ref :
         {std::string(), std::string("two words"), std::string(65, 'x'), std::string("\xc3\xa9")}) {
        CHECK(code_of(it.refund(1, ref)) == Errc::text_invalid);
    }
    for (const std::string& reason : {std::string(), std::string("a\nb"), std::string(501, 'x'),
                                      std::string("\xff"), std::string("a\x7f")}) {
        Refund refund{it.request, NanoUsd{1}, "T-1", reason};
        CHECK(code_of(it.ledger.billing().refund(refund)) == Errc::text_invalid);
    }
    CHECK(it.n_refunds() == 0);
    CHECK(must(it.refund(1, std::string(64, '!'))).is_new);
}

TEST_CASE("refund: many at once never give back more than was charged", "[billing][threads]") {
    Charged it;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&it, t] {
            for (int i = 0; i < 10; ++i) {
                (void)it.refund(7, "T-" + std::to_string(t) + "-" + std::to_string(i));
                (void)it.refund(7, "T-" + std::to_string(i));  // the same of all threads
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(it.n_refunds() == 14);
    CHECK(it.spent() == NanoUsd{2});
    it.ledger.close();
    CHECK(must(verify(it.ledger.path())).first_bad == "");
}

TEST_CASE("refund: is there after a start, from all entries and from an anchor", "[billing]") {
    Charged it;
    it.ledger.anchor_interval =
        GENERATE(std::chrono::milliseconds{0}, std::chrono::milliseconds{60'000});
    it.ledger.open();
    must(it.refund(30, "T-1"));
    it.ledger.close();
    if (GENERATE(true, false)) std::filesystem::remove(it.ledger.anchors());
    it.ledger.open();
    CHECK(it.spent() == NanoUsd{70});
    CHECK(must(it.refund(std::nullopt, "T-2")).amount == NanoUsd{70});
    it.ledger.close();
    const Verification verified = must(verify(it.ledger.path()));
    CHECK(verified.first_bad == "");
    CHECK(verified.has_anchors);
}

TEST_CASE("refund: is shown with its request, and reported on its own day", "[billing]") {
    Charged it;
    must(it.refund(30, "T-1"));
    const RequestView view = must(find_request(it.ledger.path(), it.request));
    REQUIRE(view.ending);
    CHECK(view.ending->charged == NanoUsd{100});
    REQUIRE(view.refunds.size() == 1);
    CHECK(view.refunds[0].amount == NanoUsd{30});
    CHECK(view.refunds[0].ref == "T-1");
    CHECK(view.refunds[0].reason == "the answer was empty");

    ReportQuery query;
    query.by = {"account", "route", "endpoint", "model", "outcome"};
    const auto rows = must(report(it.ledger.path(), query));
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].by ==
          std::vector<std::string>{"alice", "route-a", "endpoint-a", "model-a", "ok"});
    CHECK(rows[0].n_requests == 1);
    CHECK(rows[0].usd == NanoUsd{100});
    CHECK(rows[0].refunded_usd == NanoUsd{30});
    CHECK(rows[0].usd - rows[0].refunded_usd == it.spent());
    // Half open: the refund's instant is in the range that begins there, not in the one before.
    const UnixMillis at = view.refunds[0].at;
    ReportQuery before, after;
    before.to = at;
    after.from = at;
    CHECK(must(report(it.ledger.path(), before))[0].refunded_usd == NanoUsd{0});
    CHECK(must(report(it.ledger.path(), after))[0].refunded_usd == NanoUsd{30});
}

TEST_CASE("verify: a refund under a true hash is held to the charge", "[billing]") {
    Charged it;
    must(it.refund(30, "T-1"));
    const RequestId other = it.charge(5);
    it.ledger.close();
    Entry entry(Kind::refund, UnixMillis{4'000'000'000'000});
    entry.set(Column::request, it.request.n);
    entry.set(Column::account, 1);
    entry.set(Column::amount, 70);
    entry.set(Column::subject, 2);
    std::string complaint;
    bool is_taken = true;
    SECTION("more than is left") {
        entry.set(Column::amount, 71);
        complaint = "refunds 0.000000071 where only 0.00000007 are left of the charge";
    }
    SECTION("of another request's charge") {
        entry.set(Column::request, other.n);
        complaint = "are left of the charge";
    }
    SECTION("of nothing") {
        entry.set(Column::request, 77);
        complaint = "refunds what nothing before it charged";
    }
    SECTION("below zero") {
        entry.set(Column::amount, -1);
        complaint = "a refund of nothing or less";
    }
    SECTION("of another account") {
        entry.set(Column::account, 2);
        complaint = "another account's request";
    }
    SECTION("out of the order of numbers") {
        entry.set(Column::subject, -5);
        complaint = "defines a row of refunds again";
    }
    SECTION("under a number that is taken") {
        entry.set(Column::subject, 1);
        is_taken = false;
    }
    {
        const auto file = must(LedgerFile::open(it.ledger.path(), {}));
        ChainHead head = must(file->read_head());
        REQUIRE(file->begin());
        const Definition row = RefundRow{"T-2", "made up"};
        REQUIRE(file->append(entry, &row, head) == is_taken);
        if (is_taken) REQUIRE(file->commit());
    }
    const std::string bad = must(verify(it.ledger.path())).first_bad;
    CHECK_THAT(bad, Catch::Contains(complaint));
    CHECK(bad.empty() == !is_taken);
}
