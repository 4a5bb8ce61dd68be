// Statements: a month of an account and of all below it, of one instant.
#include "billing/account_statement.h"

#include <catch2/catch.hpp>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

// Later than the clock that administration reads: instants in a ledger never go back.
UnixMillis at(const char* text) {
    return *config::parse_rfc3339(text);
}

// acme pays for acme/research, acme/agency for itself.
struct Company {
    LedgerFixture ledger;
    Caller research, agency;

    Company() {
        Billing& billing = ledger.open();
        must(billing.create_account("acme"));
        must(billing.create_account({"acme/research", Wallet::none, {}}));
        must(billing.create_account({"acme/agency", Wallet::postpaid, kUsd}));
        must(billing.create_account("acmexyz"));
        must(billing.credit("acme", kUsd, "INV-1"));
        must(billing.credit("acmexyz", kUsd, ""));
        research = caller("acme/research");
        agency = caller("acme/agency");
    }
    Caller caller(const std::string& account) {
        Billing& billing = ledger.billing();
        return must(
            billing.authenticate(*billing.make_hasher(), must(billing.create_key(account))));
    }
    RequestId charge(const Caller& of, int64_t n_tokens, UnixMillis when) {
        const Hold hold = ledger.reserve(of, kCent, when);
        ledger.settle(hold, {n_tokens, 0, 0, 0, 0}, when);
        return hold.request;
    }
    AccountStatement statement(const std::string& account, const std::string& month,
                               const std::string& zone = "UTC") {
        return must(account_statement(ledger.path(), account, month, zone));
    }
};

}  // namespace

TEST_CASE("statement: what was left, came in and was used", "[billing]") {
    Company company;
    company.charge(company.research, 100, at("2036-02-29T23:59:59Z"));
    company.charge(company.research, 20, at("2036-03-01T00:00:00Z"));
    company.charge(company.agency, 3, at("2036-03-05T12:00:00Z"));
    const Caller other = company.caller("acmexyz");
    company.charge(other, 9'999, at("2036-03-05T12:00:00Z"));
    company.charge(company.research, 400, at("2036-04-01T00:00:00Z"));

    const AccountStatement march = company.statement("acme", "2036-03");
    CHECK(march.payer == "acme");
    CHECK(march.opening == kUsd - NanoUsd{100});
    CHECK(march.closing == kUsd - NanoUsd{120});
    CHECK(march.total.n_requests == 2);
    CHECK(march.total.usd == NanoUsd{23});
    CHECK(march.movements.empty());
    REQUIRE(march.by_day.size() == 2);
    CHECK(march.by_day[0].by[0] == "2036-03-01");
    CHECK(march.by_day[0].usd == NanoUsd{20});
    REQUIRE(march.by_key.size() == 2);
    CHECK(march.by_key[0].by[0] == "acme/agency");
    CHECK(march.by_key[1].by[0] == "acme/research");

    const AccountStatement team = company.statement("acme/research", "2036-03");
    CHECK(team.payer == "acme");
    CHECK_FALSE(team.opening);
    CHECK(team.total.usd == NanoUsd{20});
    const AccountStatement agency = company.statement("acme/agency", "2036-03");
    CHECK(agency.opening == NanoUsd{0});
    CHECK(agency.closing == NanoUsd{-3});

    // In Singapore the last second of February is in March, and so is none of April.
    const AccountStatement there = company.statement("acme", "2036-03", "Asia/Singapore");
    CHECK(there.total.usd == NanoUsd{123});
    CHECK(there.opening == kUsd);
}

TEST_CASE("statement: credits, debits and refunds of its wallets", "[billing]") {
    Company company;
    Billing& billing = company.ledger.billing();
    const RequestId request = company.charge(company.research, 100, at("2036-03-01T00:00:00Z"));
    must(billing.credit("acme", NanoUsd{50}, "INV-2"));
    must(billing.credit("acme", NanoUsd{-30}, "BACK"));
    must(billing.refund({request, NanoUsd{10}, "T-1", "why"}));
    must(billing.credit("acmexyz", NanoUsd{7}, ""));
    const AccountStatement march = company.statement("acme", "2036-03");
    REQUIRE(march.movements.size() == 3);
    using Movements = Movement::Kind;
    CHECK(march.movements[0].kind == Movements::credit);
    CHECK(march.movements[0].ref == "INV-2");
    CHECK(march.movements[1].kind == Movements::debit);
    CHECK(march.movements[1].amount == NanoUsd{30});
    CHECK(march.movements[2].kind == Movements::refund);
    CHECK(march.movements[2].ref == "T-1");
    CHECK(march.closing == kUsd + NanoUsd{50 - 30 - 100 + 10});
    CHECK(march.closing == must(billing.balance("acme")).available());
    CHECK(march.total.refunded_usd == NanoUsd{10});
}

TEST_CASE("statement: a renamed account keeps its months", "[billing]") {
    Company company;
    company.charge(company.research, 100, at("2036-03-01T00:00:00Z"));
    must(company.ledger.billing().rename_account("acme/research", "labs"));
    CHECK(company.statement("acme/labs", "2036-03").total.usd == NanoUsd{100});
    CHECK(company.statement("acme", "2036-03").total.usd == NanoUsd{100});
    const auto gone = account_statement(company.ledger.path(), "acme/research", "2036-03", "UTC");
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == Errc::account_unknown);
    for (const char* month : {"2036", "2036-13", "2036-3", "2036-03-01", ""}) {
        const auto wrong = account_statement(company.ledger.path(), "acme", month, "UTC");
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().code == Errc::query_invalid);
    }
}
