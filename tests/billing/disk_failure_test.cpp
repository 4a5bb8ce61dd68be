#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "tests/billing/faulty_vfs.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;
using Fault = FaultyVfs::Fault;

namespace {

Errc code_of(const Result<Hold>& hold) {
    REQUIRE(!hold);
    return hold.error().code;
}

// The writer tries again by itself.
void wait_until_available(const Billing& billing) {
    while (!billing.counters().available) std::this_thread::yield();
}

void check_sound(LedgerFixture& ledger) {
    ledger.close();
    const Verification verification = must(verify(ledger.path()));
    CHECK(verification.first_bad == "");
}

}  // namespace

TEST_CASE("disk failure: new work is refused, nothing given out is lost, and it heals by itself",
          "[billing][threads]") {
    const Fault fault = GENERATE(Fault::full, Fault::io, Fault::sync, Fault::open);
    CAPTURE(static_cast<int>(fault));
    FaultyVfs disk;
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const Hold kept = ledger.reserve(caller, kCent);
    const Hold released = ledger.reserve(caller, kCent);
    const int64_t n_before = billing.counters().n_entries_committed;
    const AppliedPrice price = plain_price();

    disk.set(fault);
    Waiter settled;
    CHECK(billing.settle(kept, settlement(price, {123, 0, 0, 0, 0}), &settled) == NanoUsd{123});
    // The writer meets the fault with the SETTLE; refusal begins as soon as it has.
    Waiter dropped;
    Result<Hold> refused = tl::unexpected(Error{});
    std::vector<std::unique_ptr<Waiter>> waiters;
    for (;;) {
        auto waiter = std::make_unique<Waiter>();
        refused = billing.reserve({caller, "r", NanoUsd{1}, kStart}, *waiter);
        if (refused) {
            waiters.push_back(std::move(waiter));
        } else if (code_of(refused) == Errc::ledger_busy) {
            std::this_thread::yield();  // the queue is full and the writer has not got that far
        } else {
            break;
        }
    }
    CHECK(code_of(refused) == Errc::ledger_unavailable);
    CHECK(!billing.counters().available);
    CHECK(billing.create_account("bob").error().code == Errc::ledger_unavailable);
    CHECK(billing.add_credit("alice", kUsd).error().code == Errc::ledger_unavailable);
    // What ends meanwhile is taken.
    Waiter release_told;
    billing.release(released, Outcome::client_gone, kStart, &release_told);
    CHECK(must(billing.balance("alice")).spent == NanoUsd{123});
    CHECK(settled.n_told() == 0);
    if (fault != Fault::sync) CHECK(billing.counters().n_entries_committed == n_before);

    disk.set(Fault::none);
    CHECK(settled.wait());
    CHECK(release_told.wait());
    // All that were let in before the fault was seen have heard by now, each once.
    int64_t n_told_durable = 0;
    for (const auto& waiter : waiters) n_told_durable += waiter->wait() ? 1 : 0;
    wait_until_available(billing);
    const Hold again = ledger.reserve(caller, kCent);
    Balance balance = must(billing.balance("alice"));
    CHECK(balance.reserved == kCent + NanoUsd{n_told_durable});
    CHECK(balance.spent == NanoUsd{123});
    ledger.settle(again, {1, 0, 0, 0, 0});
    CHECK(billing.counters().n_commits_failed > 0);
    check_sound(ledger);
    ledger.open();
    balance = must(ledger.billing().balance("alice"));
    CHECK(balance.spent == NanoUsd{124});
    CHECK(balance.reserved == NanoUsd{0});
    check_sound(ledger);
}

TEST_CASE("disk failure: a commit that reports an error but is on disk is read back", "[billing]") {
    FaultyVfs disk;
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    disk.set(Fault::sync_once);
    Waiter waiter;
    const auto hold = billing.reserve({caller, "r", kCent, kStart}, waiter);
    REQUIRE(hold);
    CHECK(waiter.wait());
    CHECK(billing.counters().n_commits_failed == 1);
    CHECK(must(billing.balance("alice")).reserved == kCent);
    CHECK(ledger.query("SELECT count(*) FROM entries WHERE kind = 1") == 1);
    ledger.settle(*hold, {5, 0, 0, 0, 0});
    check_sound(ledger);
}

TEST_CASE("disk failure: a dropped RESERVE takes its early end with it", "[billing]") {
    FaultyVfs disk;
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const AppliedPrice price = plain_price();
    disk.set(Fault::full);
    Waiter reserved;
    Waiter settled;
    const auto hold = billing.reserve({caller, "new-route", kCent, kStart}, reserved);
    REQUIRE(hold);
    billing.settle(*hold, settlement(price, {50, 0, 0, 0, 0}), &settled);
    CHECK(!reserved.wait());
    CHECK(settled.wait());  // there is nothing left to write
    Waiter late;
    billing.release(*hold, Outcome::internal, kStart, &late);  // its hold is gone already
    disk.set(Fault::none);
    CHECK(late.wait());
    const Balance balance = must(billing.balance("alice"));
    CHECK(balance.spent == NanoUsd{0});
    CHECK(balance.reserved == NanoUsd{0});
    wait_until_available(billing);
    // The name that came with it stays known, on disk too.
    ledger.settle(ledger.reserve(caller, kCent, kStart, "new-route"), {1, 0, 0, 0, 0});
    CHECK(ledger.query("SELECT count(*) FROM names WHERE text = 'new-route'") == 1);
    check_sound(ledger);
}

TEST_CASE("disk failure: administration is told no and changes nothing; a disabled key stays off",
          "[billing]") {
    FaultyVfs disk;
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("alice"));
    const std::string key = must(billing.create_key("alice"));
    const auto hasher = billing.make_hasher();
    // The first entry after the fault meets it; whichever it is, it is told no.
    const auto fail = [&](auto action) {
        wait_until_available(billing);
        disk.set(Fault::full);
        const auto result = action();
        CHECK(!result);
        if (!result) CHECK(result.error().code == Errc::ledger_unavailable);
        disk.set(Fault::none);
    };
    fail([&] { return billing.create_account("bob"); });
    fail([&] { return billing.add_credit("alice", kUsd); });
    fail([&] { return billing.create_key("alice"); });
    fail([&] { return billing.disable_key({1}); });
    CHECK(!billing.authenticate(*hasher, key));
    CHECK(billing.keys().size() == 1);
    CHECK(billing.accounts().size() == 1);
    CHECK(must(billing.balance("alice")).funds == NanoUsd{0});
    wait_until_available(billing);
    must(billing.create_account("bob"));
    must(billing.add_credit("alice", kUsd));
    ledger.open();
    CHECK(!ledger.billing().authenticate(*hasher, key));
    CHECK(ledger.billing().keys().size() == 1);
    CHECK(must(ledger.billing().balance("alice")).funds == kUsd);
    check_sound(ledger);
}

TEST_CASE("disk failure: what was not written of accounts, keys and budgets does not hold",
          "[billing]") {
    FaultyVfs disk;
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    must(billing.create_account({"late", Wallet::postpaid, kCent}));
    const BudgetAsk asked{BudgetScope::account, "alice", BudgetPeriod::day, kCent};
    must(billing.set_budget(asked));
    const Hold held = ledger.reserve(caller, NanoUsd{700});
    const auto fail = [&](auto action) {
        wait_until_available(billing);
        disk.set(Fault::full);
        CHECK(action().error().code == Errc::ledger_unavailable);
        disk.set(Fault::none);
    };
    BudgetAsk lower = asked, other = asked;
    lower.limit = NanoUsd{1};
    other.period = BudgetPeriod::month;
    other.limit = NanoUsd{0};
    fail([&] { return billing.set_budget(lower); });
    fail([&] { return billing.set_budget(other); });
    fail([&] { return billing.remove_budget(asked.scope, asked.subject, asked.period); });
    fail([&] { return billing.rename_account("alice", "eve"); });
    fail([&] { return billing.close_account("alice"); });
    fail([&] { return billing.set_credit_limit("late", kUsd); });
    fail([&] { return billing.credit("alice", NanoUsd{-500}, "INV-1"); });
    fail([&] { return billing.credit("alice", kUsd, "INV-2"); });
    fail([&] { return billing.create_account("alice/team"); });
    fail([&] { return billing.rotate_key({1}, {}); });
    fail([&] { return billing.expire_key({1}, kStart); });
    fail([&] { return billing.create_key("alice", {"ci", {}, {}, {}, {}, {}}); });
    wait_until_available(billing);
    const auto check = [&](Billing& now, NanoUsd reserved) {
        const auto accounts = now.accounts();
        REQUIRE(accounts.size() == 2);
        CHECK(accounts[0].path == "alice");
        CHECK(!accounts[0].is_closed);
        CHECK(accounts[0].balance.funds == kUsd);
        CHECK(accounts[1].credit_limit == kCent);
        CHECK(!now.keys()[0].terms.expires_at);
        CHECK(!now.keys()[0].others_until);
        const auto budgets = now.budgets(kStart);
        REQUIRE(budgets.size() == 1);
        CHECK(budgets[0].limit == kCent);
        CHECK(budgets[0].reserved == reserved);
    };
    check(billing, NanoUsd{700});
    // A budget that begins behind a request which was never written.
    disk.set(Fault::full);
    Waiter dropped;
    REQUIRE(billing.reserve({caller, "route-a", NanoUsd{1}, kStart}, dropped));
    CHECK(!dropped.wait());
    disk.set(Fault::none);
    wait_until_available(billing);
    must(billing.set_budget(other));
    must(billing.remove_budget(other.scope, other.subject, other.period));
    CHECK(must(billing.credit("alice", kUsd, "INV-2")).is_new);
    must(billing.credit("alice", NanoUsd{-kUsd.n}, "INV-1"));
    ledger.settle(held, {7, 0, 0, 0, 0});
    check(ledger.open(), NanoUsd{0});
    check_sound(ledger);
}

TEST_CASE("disk failure: closing while the disk refuses ends, and says what was not written",
          "[billing]") {
    FaultyVfs disk;
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const Hold hold = ledger.reserve(caller, kCent);
    disk.set(Fault::full);
    const AppliedPrice price = plain_price();
    Waiter settled;
    ledger.billing().settle(hold, settlement(price, {9, 0, 0, 0, 0}), &settled);
    ledger.close();
    CHECK(!settled.wait());
    disk.set(Fault::none);
    ledger.open();
    CHECK(must(ledger.billing().balance("alice")).spent == NanoUsd{0});
    CHECK(ledger.query("SELECT count(*) FROM entries WHERE kind = 3 AND flags = 8") == 1);
    check_sound(ledger);
}

TEST_CASE("disk failure: writes that fail now and then leave the books sound", "[billing]") {
    FaultyVfs disk;
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const AppliedPrice price = plain_price();
    int64_t spent = 0;
    for (int i = 0; i < 60; ++i) {
        wait_until_available(billing);
        const bool fail_reserve = i % 3 == 0;
        const Fault fault = i % 2 == 0 ? Fault::full : Fault::sync_once;
        if (fail_reserve) disk.set(fault);
        Waiter reserved;
        const auto hold =
            billing.reserve({caller, "r" + std::to_string(i), kCent, kStart}, reserved);
        REQUIRE(hold);
        const bool durable = reserved.wait();
        disk.set(Fault::none);
        if (!durable) continue;
        if (i % 3 == 1) disk.set(fault);
        Waiter settled;
        billing.settle(*hold, settlement(price, {i, 0, 0, 0, 0}), &settled);
        spent += i;
        disk.set(Fault::none);
        CHECK(settled.wait());
    }
    CHECK(must(billing.balance("alice")).spent == NanoUsd{spent});
    CHECK(must(billing.balance("alice")).reserved == NanoUsd{0});
    CHECK(ledger.query("SELECT sum(amount) FROM entries WHERE kind = 2") == spent);
    check_sound(ledger);
}
