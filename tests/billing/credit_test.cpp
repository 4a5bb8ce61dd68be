// Credits with references, and funds that are taken away.
#include <catch2/catch.hpp>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

TEST_CASE("credit: a reference counts once, whatever was lost of its answer", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    must(ledger.billing().create_account("alice"));
    must(ledger.billing().create_account("bob"));
    for (int round = 0; round < 3; ++round) {
        const Credited credited = must(ledger.billing().credit("alice", kUsd, "INV-1"));
        CHECK(credited.amount == kUsd);
        CHECK(credited.is_new == (round == 0));
        const Credited taken = must(ledger.billing().credit("alice", NanoUsd{-400}, "INV-2"));
        CHECK(taken.is_new == (round == 0));
        if (round == 1) ledger.open();
    }
    CHECK(must(ledger.billing().balance("alice")).funds == NanoUsd{kUsd.n - 400});
    for (const auto& [account, amount] :
         {std::pair("alice", kCent), {"bob", kUsd}, {"alice", NanoUsd{-kUsd.n}}}) {
        const auto refused = ledger.billing().credit(account, amount, "INV-1");
        REQUIRE(!refused);
        CHECK(refused.error().code == Errc::reference_taken);
        CHECK_THAT(refused.error().detail, Catch::Contains("it added 1.00 USD"));
    }
    CHECK(ledger.billing().credit("alice", kUsd, "a b").error().code == Errc::text_invalid);
    CHECK(ledger.billing().credit("alice", kUsd, std::string(65, 'x')).error().code ==
          Errc::text_invalid);
    // Without one each counts.
    must(ledger.billing().credit("bob", kUsd, ""));
    must(ledger.billing().credit("bob", kUsd, ""));
    CHECK(must(ledger.billing().balance("bob")).funds == NanoUsd{2 * kUsd.n});
    must(ledger.billing().credit("bob", kUsd, "INV-3"));  // its row is behind those restored
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
    ledger.tamper(
        "DROP TRIGGER credits_no_UPDATE; UPDATE credits SET ref = 'INV-9' WHERE id = 1;"
        "CREATE TRIGGER credits_no_UPDATE BEFORE UPDATE ON credits "
        "BEGIN SELECT RAISE(ABORT, 'append only'); END");
    CHECK_THAT(must(verify(ledger.path())).first_bad, Catch::Contains("row 1 of table credits"));
}

TEST_CASE("credit take: below what is held it refuses new work only, never below what is spent",
          "[billing]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds{0};
    Billing& billing = ledger.open();
    const Caller caller = ledger.make_caller("alice", NanoUsd{1'000});
    ledger.settle(ledger.reserve(caller, NanoUsd{300}), {200, 0, 0, 0, 0});
    const Hold held = ledger.reserve(caller, NanoUsd{600});
    CHECK(billing.credit("alice", NanoUsd{-801}, "").error().code == Errc::amount_invalid);
    must(billing.credit("alice", NanoUsd{-700}, ""));
    CHECK(must(billing.balance("alice")) == Balance{{300}, {600}, {200}});
    CHECK(must(billing.balance("alice")).available() == NanoUsd{-500});
    Waiter waiter;
    CHECK(billing.reserve({caller, "route-a", NanoUsd{1}, kStart}, waiter).error().code ==
          Errc::insufficient_funds);
    CHECK(ledger.settle(held, {550, 0, 0, 0, 0}) == NanoUsd{550});
    CHECK(must(billing.balance("alice")) == Balance{{300}, {}, {750}});
    for (const bool with_anchors : {true, false}) {
        ledger.close();
        if (!with_anchors) std::filesystem::remove(ledger.anchors());
        CHECK(must(verify(ledger.path())).first_bad == "");
        CHECK(must(ledger.open().balance("alice")) == Balance{{300}, {}, {750}});
    }
}
