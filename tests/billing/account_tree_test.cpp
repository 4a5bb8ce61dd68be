// Accounts as a tree: who pays, who is closed, and history that keeps the names of then.
#include "billing/account_tree.h"

#include <catch2/catch.hpp>

#include "billing/request_view.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

Caller key_of(Billing& billing, const std::string& account) {
    const std::string key = must(billing.create_key(account));
    return must(billing.authenticate(*billing.make_hasher(), key));
}

Errc refusal(Billing& billing, const Caller& caller, NanoUsd amount) {
    Waiter waiter;
    const auto hold = billing.reserve({caller, "route-a", amount, kStart}, waiter);
    REQUIRE(!hold);
    return hold.error().code;
}

// As a crash, and as a start without anchors, would have it.
void check_the_same_after_starts(LedgerFixture& ledger) {
    const auto accounts = ledger.billing().accounts();
    for (const bool with_anchors : {true, false}) {
        ledger.close();
        if (!with_anchors) std::filesystem::remove(ledger.anchors());
        const auto restored = ledger.open().accounts();
        REQUIRE(restored.size() == accounts.size());
        for (size_t i = 0; i < accounts.size(); ++i) {
            CHECK(restored[i].path == accounts[i].path);
            CHECK(restored[i].payer == accounts[i].payer);
            CHECK(restored[i].wallet == accounts[i].wallet);
            CHECK(restored[i].credit_limit == accounts[i].credit_limit);
            CHECK(restored[i].is_closed == accounts[i].is_closed);
            CHECK(restored[i].balance == accounts[i].balance);
        }
        CHECK(must(verify(ledger.path())).first_bad == "");
    }
}

}  // namespace

TEST_CASE("account tree: paths, payers and siblings", "[billing]") {
    AccountTree tree;
    CHECK(tree.add(1, {"org"}));
    CHECK(tree.add(2, {"team", 1, Wallet::none, {}}));
    CHECK(tree.add(3, {"project", 2, Wallet::none, {}}));
    CHECK(tree.add(4, {"other", 1, Wallet::postpaid, {5}}));
    CHECK(!tree.add(5, {"org"}));  // the name is taken
    CHECK(!tree.add(5, {"team", 1}));
    CHECK(!tree.add(5, {"free", 0, Wallet::none, {}}));   // nobody would pay
    CHECK(!tree.add(5, {"x", 9}));                        // no such parent
    CHECK(!tree.add(5, {"x", 1, Wallet::prepaid, {1}}));  // a limit of a prepaid wallet
    CHECK(!tree.add(5, {"x", 1, Wallet::postpaid, {-1}}));
    CHECK(!tree.add(5, {"x", 1, Wallet::postpaid, {200'000'000'000'000'001}}));
    CHECK(!tree.change({4, "other", {200'000'000'000'000'001}, false}));
    CHECK(tree.add(5, {"team", 4}));  // another parent's
    CHECK(tree.path(3) == "org/team/project");
    CHECK(tree.find_path("org/team/project") == 3);
    CHECK(tree.find_path("org/other/team") == 5);
    for (const char* path : {"", "/", "team", "org/", "org//team", "org/team/x"})
        CHECK(tree.find_path(path) == 0);
    CHECK(tree.payer(3) == 1);
    CHECK(tree.payer(4) == 4);
    CHECK(tree.payer(9) == 0);
    CHECK(tree.is_within(3, 1));
    CHECK(!tree.is_within(1, 3));
    CHECK(tree.list() == std::vector<int64_t>{1, 4, 5, 2, 3});

    CHECK(tree.change({2, "crew", {}, false}));
    CHECK(tree.path(3) == "org/crew/project");
    CHECK(!tree.change({2, "other", {}, false}));
    CHECK(!tree.change({2, "crew", {1}, false}));  // a limit without a wallet
    CHECK(tree.change({4, "other", {7}, false}));
    CHECK(tree.find(4)->row.credit_limit == NanoUsd{7});
    CHECK(tree.change({2, "crew", {}, true}));
    CHECK(tree.is_closed(3));
    CHECK(!tree.is_closed(1));
    int64_t parent = 1;
    for (int64_t id = 10; tree.add(id, {"deep", parent}); parent = id++) {
        REQUIRE(id < 30);
    }
    CHECK(tree.chain(parent).size() == kAccountDepthMax);
}

TEST_CASE("accounts: the nearest wallet pays, with what credit it has", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("org"));
    must(billing.create_account({"org/team", Wallet::none, {}}));
    must(billing.create_account({"org/team/project", Wallet::none, {}}));
    must(billing.create_account({"org/late", Wallet::postpaid, {kUsd}}));
    CHECK(billing.create_account({"x", Wallet::none, {}}).error().code == Errc::amount_invalid);
    CHECK(billing.create_account("nowhere/x").error().code == Errc::account_unknown);
    CHECK(billing.create_account("org/team").error().code == Errc::name_taken);
    CHECK(billing.add_credit("org/team", kUsd).error().code == Errc::amount_invalid);
    must(billing.add_credit("org", kUsd));

    const Caller project = key_of(billing, "org/team/project");
    const Caller late = key_of(billing, "org/late");
    const Hold hold = ledger.reserve(project, kCent);
    CHECK(ledger.settle(hold, {30, 0, 0, 0, 0}) == NanoUsd{30});
    CHECK(must(billing.balance("org")) == Balance{kUsd, {}, {30}});
    CHECK(must(billing.balance("org/team/project")) == Balance{});
    CHECK(refusal(billing, project, kUsd) == Errc::insufficient_funds);

    // Below zero as far as the limit goes.
    const Hold owed = ledger.reserve(late, kUsd);
    CHECK(refusal(billing, late, NanoUsd{1}) == Errc::insufficient_funds);
    // A lower limit refuses new work only.
    must(billing.set_credit_limit("org/late", NanoUsd{10}));
    CHECK(billing.set_credit_limit("org", kUsd).error().code == Errc::amount_invalid);
    CHECK(ledger.settle(owed, {500, 0, 0, 0, 0}) == NanoUsd{500});
    CHECK(must(billing.balance("org/late")) == Balance{{}, {}, {500}});
    CHECK(refusal(billing, late, NanoUsd{1}) == Errc::insufficient_funds);
    must(billing.set_credit_limit("org/late", NanoUsd{600}));
    ledger.settle(ledger.reserve(late, NanoUsd{100}), {100, 0, 0, 0, 0});
    CHECK(refusal(billing, late, NanoUsd{1}) == Errc::insufficient_funds);
    check_the_same_after_starts(ledger);
    CHECK(refusal(ledger.billing(), late, NanoUsd{1}) == Errc::insufficient_funds);
}

TEST_CASE("accounts: a hold of a crash is given back to who pays", "[billing]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds{0};
    Billing& billing = ledger.open();
    must(billing.create_account("org"));
    must(billing.create_account({"org/team", Wallet::none, {}}));
    must(billing.add_credit("org", kUsd));
    ledger.reserve(key_of(billing, "org/team"), kCent);
    ledger.open();
    check_the_same_after_starts(ledger);
    CHECK(must(ledger.billing().balance("org")) == Balance{kUsd, {}, {}});
}

TEST_CASE("accounts: renamed, they keep their history; names are free again", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("org"));
    must(billing.create_account("org/a"));
    must(billing.create_account("org/b"));
    must(billing.add_credit("org/a", kUsd));
    const Caller caller = key_of(billing, "org/a");
    const Hold before = ledger.reserve(caller, kCent);
    ledger.settle(before, {1, 0, 0, 0, 0});
    must(billing.rename_account("org", "company"));
    must(billing.rename_account("company/a", "x"));
    const Hold after = ledger.reserve(caller, kCent);
    ledger.settle(after, {2, 0, 0, 0, 0});
    must(billing.rename_account("company/x", "y"));
    must(billing.rename_account("company/b", "x"));
    must(billing.create_account("company/a"));
    CHECK(billing.rename_account("company/a", "y").error().code == Errc::name_taken);
    CHECK(billing.rename_account("company/a", "y/z").error().code == Errc::name_invalid);
    CHECK(billing.rename_account("org", "z").error().code == Errc::account_unknown);
    check_the_same_after_starts(ledger);

    CHECK(must(find_request(ledger.path(), before.request)).account_name == "org/a");
    CHECK(must(find_request(ledger.path(), after.request)).account_name == "company/x");
    ReportQuery query;
    query.by = {"account"};
    query.account = "company";
    auto rows = must(report(ledger.path(), query));
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].by[0] == "company/x");
    CHECK(rows[0].usd == NanoUsd{2});
    query.account = "comp";  // a part of a name is no account
    CHECK(must(report(ledger.path(), query)).empty());
    query.account = "org/a";
    CHECK(must(report(ledger.path(), query)).size() == 1);
}

TEST_CASE("accounts: a closed one and all below it are refused, also after a start", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("org"));
    must(billing.create_account({"org/team", Wallet::none, {}}));
    must(billing.add_credit("org", kUsd));
    const std::string key = must(billing.create_key("org/team"));
    const Caller caller = must(billing.authenticate(*billing.make_hasher(), key));
    const Hold open = ledger.reserve(caller, kCent);
    must(billing.close_account("org"));
    CHECK(refusal(billing, caller, NanoUsd{1}) == Errc::account_closed);
    CHECK(billing.create_key("org/team").error().code == Errc::account_closed);
    CHECK(billing.create_account("org/new").error().code == Errc::account_closed);
    CHECK(billing.close_account("org").error().code == Errc::account_closed);
    CHECK(ledger.settle(open, {3, 0, 0, 0, 0}) == NanoUsd{3});  // what runs ends
    check_the_same_after_starts(ledger);
    Billing& again = ledger.billing();
    CHECK(again.authenticate(*again.make_hasher(), key).error().code == Errc::key_unknown);
    CHECK(again.accounts()[1].is_closed);
}

TEST_CASE("verify: what an account cannot have is found", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    must(ledger.billing().create_account({"org", Wallet::postpaid, {kUsd}}));
    must(ledger.billing().set_credit_limit("org", kCent));
    ledger.close();
    ledger.tamper(
        "DROP TRIGGER account_terms_no_UPDATE;"
        "UPDATE account_terms SET credit_limit = 5;"
        "CREATE TRIGGER account_terms_no_UPDATE BEFORE UPDATE ON account_terms "
        "BEGIN SELECT RAISE(ABORT, 'append only'); END");
    CHECK_THAT(must(verify(ledger.path())).first_bad,
               Catch::StartsWith("entry 2: ") && Catch::Contains("account_terms"));
}
