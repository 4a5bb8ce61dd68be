// Budgets: their periods in a named zone, what counts in which, and what is refused.
#include "billing/budgets.h"

#include <catch2/catch.hpp>

#include "billing/anchor_file.h"
#include "billing/wall_clock.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kDay = 24 * kHour;

UnixMillis instant(const char* text) {
    return config::parse_rfc3339(text).value();
}

std::string span(BudgetPeriod period, const char* zone, const char* at) {
    const PeriodSpan found = period_at(period, *config::TimeZone::find(zone), instant(at));
    CHECK(period_of(period, *config::TimeZone::find(zone), found.number).begin == found.begin);
    return config::to_rfc3339(found.begin) + " " + config::to_rfc3339(found.end);
}

Result<Hold> ask(Billing& billing, const Caller& caller, NanoUsd amount, UnixMillis now = kStart,
                 std::string_view route = "route-a") {
    Waiter waiter;
    auto hold = billing.reserve({caller, route, amount, now}, waiter);
    if (hold) CHECK(waiter.wait());
    return hold;
}

const BudgetView& only(const std::vector<BudgetView>& budgets) {
    REQUIRE(budgets.size() == 1);
    return budgets[0];
}

}  // namespace

TEST_CASE("budget periods: days and months begin by the calendar of their zone", "[billing]") {
    using P = BudgetPeriod;
    CHECK(span(P::day, "UTC", "2026-10-01T00:00:00Z") ==
          "2026-10-01T00:00:00.000Z 2026-10-02T00:00:00.000Z");
    CHECK(span(P::day, "Asia/Kolkata", "2026-10-01T18:29:59Z") ==
          "2026-09-30T18:30:00.000Z 2026-10-01T18:30:00.000Z");
    CHECK(span(P::month, "UTC", "2026-12-31T23:59:59Z") ==
          "2026-12-01T00:00:00.000Z 2027-01-01T00:00:00.000Z");
    CHECK(span(P::month, "Asia/Shanghai", "2026-02-28T16:00:00Z") ==
          "2026-02-28T16:00:00.000Z 2026-03-31T16:00:00.000Z");
    // Clocks are set: a day of 25 hours and one of 23.
    CHECK(span(P::day, "Europe/Berlin", "2026-10-25T12:00:00Z") ==
          "2026-10-24T22:00:00.000Z 2026-10-25T23:00:00.000Z");
    CHECK(span(P::day, "Europe/Berlin", "2026-03-29T12:00:00Z") ==
          "2026-03-28T23:00:00.000Z 2026-03-29T22:00:00.000Z");
    // Midnight itself is left out, or comes twice: days neither overlap nor leave a gap.
    for (const char* zone :
         {"America/Santiago", "Africa/Cairo", "Atlantic/Azores", "America/Havana"}) {
        const auto found = *config::TimeZone::find(zone);
        PeriodSpan last = period_at(P::day, found, instant("2024-01-01T00:00:00Z"));
        for (UnixMillis at = last.begin; at < instant("2026-01-01T00:00:00Z"); at.ms += kHour / 2) {
            const PeriodSpan now = period_at(P::day, found, at);
            REQUIRE((now.begin <= at && at < now.end));
            const bool is_same = now.number == last.number && now.begin == last.begin;
            const bool is_next = now.number == last.number + 1 && now.begin == last.end;
            REQUIRE((is_same || is_next));
            last = now;
        }
    }
    CHECK(period_at(P::lifetime, {}, kStart).begin < kStart);
}

TEST_CASE("budget alerts: percentages, ascending", "[billing]") {
    CHECK(parse_alerts("")->empty());
    CHECK(*parse_alerts("1,50,100") == std::vector<int>{1, 50, 100});
    for (const char* text : {"0", "101", "50,50", "80,50", "50,", ",50", "5 0", "-1", "050",
                             "1,2,3,4,5,6,7,8,9,10,11", "99999999999"})
        CHECK(!parse_alerts(text));
}

TEST_CASE("budgets: account, key and model are held to theirs, at once and by name", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("org"));
    must(billing.add_credit("org", kUsd));
    must(billing.create_account({"org/team", Wallet::none, {}}));
    const std::string key = must(billing.create_key("org/team"));
    const Caller caller = must(billing.authenticate(*billing.make_hasher(), key));
    BudgetAsk asked;
    SECTION("of the account above") {
        asked = {BudgetScope::account, "org", BudgetPeriod::day, NanoUsd{100}, "Asia/Shanghai", ""};
    }
    SECTION("of the account") {
        asked = {BudgetScope::account, "org/team", BudgetPeriod::month, NanoUsd{100}};
    }
    SECTION("of the key") {
        asked = {BudgetScope::key, "1", BudgetPeriod::lifetime, NanoUsd{100}};
    }
    SECTION("of the model") {
        asked = {BudgetScope::model, "route-a", BudgetPeriod::day, NanoUsd{100}};
    }
    must(billing.set_budget(asked));
    const Hold first = must(ask(billing, caller, NanoUsd{60}));
    const auto refused = ask(billing, caller, NanoUsd{41});
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::budget_exceeded);
    CHECK_THAT(refused.error().told, Catch::Contains(asked.subject) &&
                                         Catch::Contains("(0.0000001 USD)") &&
                                         Catch::Contains("begins anew"));
    const Hold second = must(ask(billing, caller, NanoUsd{40}));
    CHECK(only(billing.budgets(kStart)).reserved == NanoUsd{100});
    // What was not used is free again.
    CHECK(ledger.settle(first, {10, 0, 0, 0, 0}) == NanoUsd{10});
    billing.release(second, Outcome::cut, kStart, nullptr);
    CHECK(only(billing.budgets(kStart)).spent == NanoUsd{10});
    CHECK(ask(billing, caller, NanoUsd{91}).error().code == Errc::budget_exceeded);
    CHECK(ask(billing, caller, NanoUsd{90}));
    // Others are free.
    const Caller other = ledger.make_caller("other", kUsd);
    if (asked.scope != BudgetScope::model) CHECK(ask(billing, other, NanoUsd{500}));
    if (asked.scope == BudgetScope::model) {
        CHECK(ask(billing, other, NanoUsd{1}).error().code == Errc::budget_exceeded);
        CHECK(ask(billing, other, NanoUsd{500}, kStart, "route-b"));
    }
    // A lower limit refuses new work only; without a budget all is as before.
    asked.limit = NanoUsd{5};
    must(billing.set_budget(asked));
    CHECK(only(billing.budgets(kStart)).reserved == NanoUsd{90});
    CHECK(ask(billing, caller, NanoUsd{0}).error().code == Errc::budget_exceeded);
    must(billing.remove_budget(asked.scope, asked.subject, asked.period));
    CHECK(billing.budgets(kStart).empty());
    CHECK(ask(billing, caller, NanoUsd{500}));
    CHECK(billing.remove_budget(asked.scope, asked.subject, asked.period).error().code ==
          Errc::budget_unknown);
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("budgets: a request counts in the period of its RESERVE, also over midnight",
          "[billing]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds{0};
    Billing& billing = ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const UnixMillis noon{(wall_clock().ms / kDay + 2) * kDay + kDay / 2};
    must(billing.set_budget({BudgetScope::account, "alice", BudgetPeriod::day, NanoUsd{100}}));
    const Hold today = must(ask(billing, caller, NanoUsd{80}, noon));
    const UnixMillis before_midnight{noon.ms + kDay / 2 - 1};
    CHECK(ask(billing, caller, NanoUsd{21}, before_midnight).error().code == Errc::budget_exceeded);
    CHECK(*only(billing.budgets(noon)).resets_at == UnixMillis{before_midnight.ms + 1});
    const UnixMillis midnight{before_midnight.ms + 1};
    const Hold tomorrow = must(ask(billing, caller, NanoUsd{100}, midnight));
    // Yesterday's request ends today: nothing of today's is used.
    CHECK(ledger.settle(today, {80, 0, 0, 0, 0}, midnight) == NanoUsd{80});
    CHECK(only(billing.budgets(midnight)).spent == NanoUsd{0});
    CHECK(ask(billing, caller, NanoUsd{1}, midnight).error().code == Errc::budget_exceeded);
    CHECK(ledger.settle(tomorrow, {70, 0, 0, 0, 0}, midnight) == NanoUsd{70});
    for (const bool with_anchors : {true, false}) {
        ledger.close();
        CHECK(must(verify(ledger.path())).first_bad == "");
        if (!with_anchors) std::filesystem::remove(ledger.anchors());
        Billing& again = ledger.open();
        CHECK(only(again.budgets(midnight)).spent == NanoUsd{70});
        CHECK(ask(again, caller, NanoUsd{31}, midnight).error().code == Errc::budget_exceeded);
    }
}

TEST_CASE("budgets: thresholds are told once each period", "[billing]") {
    LedgerFixture ledger;
    std::vector<BudgetNote> notes;
    Options options = ledger.options();
    options.on_budget_alert = [&](const BudgetNote& note) { notes.push_back(note); };
    auto billing = must(Billing::open(options));
    must(billing->create_account("alice"));
    must(billing->add_credit("alice", kUsd));
    must(billing->create_key("alice"));
    must(billing->set_budget(
        {BudgetScope::account, "alice", BudgetPeriod::day, NanoUsd{100}, "UTC", "50,80"}));
    const AppliedPrice price = plain_price();
    const auto spend = [&](int64_t n, UnixMillis at) {
        Waiter waiter;
        const Hold hold = must(billing->reserve({{{1}, {1}}, "route-a", {n}, at}, waiter));
        billing->settle(hold, settlement(price, {n, 0, 0, 0, 0}, at), nullptr);
        waiter.wait();
    };
    const UnixMillis day{(wall_clock().ms / kDay + 2) * kDay};
    spend(49, day);
    CHECK(notes.empty());
    spend(1, day);
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].percent == 50);
    CHECK(notes[0].budget.subject == "alice");
    CHECK(notes[0].budget.spent == NanoUsd{50});
    spend(1, day);
    CHECK(notes.size() == 1);
    spend(49, day);
    CHECK(notes.size() == 2);
    spend(90, {day.ms + kDay});  // both at once
    CHECK(notes.size() == 4);
    CHECK(notes[3].percent == 80);
}

TEST_CASE("budgets: what cannot be is refused", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("alice"));
    using S = BudgetScope;
    using P = BudgetPeriod;
    const std::pair<BudgetAsk, Errc> wrong[] = {
        {{S::account, "bob", P::day, kUsd}, Errc::account_unknown},
        {{S::key, "1", P::day, kUsd}, Errc::key_unknown},
        {{S::key, "x", P::day, kUsd}, Errc::key_unknown},
        {{S::model, "", P::day, kUsd}, Errc::budget_invalid},
        {{S::account, "alice", P::day, NanoUsd{-1}}, Errc::budget_invalid},
        {{S::account, "alice", P::day, kUsd, "Mars/Olympus"}, Errc::time_zone_unknown},
        {{S::account, "alice", P::day, kUsd, "UTC", "80,50"}, Errc::budget_invalid},
    };
    for (const auto& [asked, code] : wrong) CHECK(billing.set_budget(asked).error().code == code);
    CHECK(billing.budgets(kStart).empty());
}

TEST_CASE("usage: the owner of a key sees its wallet and the budgets that count", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("org"));
    must(billing.add_credit("org", kUsd));
    must(billing.create_account({"org/team", Wallet::none, {}}));
    must(billing.create_key("org/team"));
    const Caller other = ledger.make_caller("other", kUsd);
    must(billing.set_budget({BudgetScope::account, "org", BudgetPeriod::day, kCent}));
    must(billing.set_budget({BudgetScope::key, "1", BudgetPeriod::month, kUsd}));
    must(billing.set_budget({BudgetScope::account, "other", BudgetPeriod::day, kUsd}));
    const Caller caller{{2}, {1}};
    REQUIRE(ask(billing, caller, NanoUsd{7}));
    const UsageView view = billing.usage(caller, kStart);
    CHECK(view.account == "org/team");
    CHECK(view.wallet.path == "org");
    CHECK(view.wallet.balance == Balance{kUsd, {7}, {}});
    REQUIRE(view.budgets.size() == 2);
    CHECK(view.budgets[0].subject == "org");
    CHECK(view.budgets[0].reserved == NanoUsd{7});
    CHECK(view.budgets[1].scope == BudgetScope::key);
    CHECK(billing.usage(other, kStart).budgets.size() == 1);
}

TEST_CASE("verify: an anchor that says other of a budget than the entries is named", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    must(ledger.billing().set_budget({BudgetScope::account, "alice", BudgetPeriod::day, kUsd}));
    ledger.settle(ledger.reserve(caller, kCent), {7, 0, 0, 0, 0});
    ledger.close();
    Standing standing = must(read_last_anchor(ledger.anchors()))->standing;
    REQUIRE(standing.budgets.size() == 1);
    std::string complaint;
    SECTION("less spent") {
        standing.budgets.begin()->second->spent = NanoUsd{6};
        complaint = "budget 1 has reserved";
    }
    SECTION("left out") {
        standing.budgets.clear();
        complaint = "budget 1 is left out";
    }
    SECTION("one too many") {
        standing.budgets[9] = BudgetUse{};
        complaint = "there is no budget 9";
    }
    std::filesystem::remove(ledger.anchors());
    must(AnchorFile(ledger.anchors(), {}).append({true, standing}));
    CHECK_THAT(must(verify(ledger.path())).first_bad, Catch::Contains(complaint));
}
