// Attributions: entries keep the names of when they were written.
#include "billing/attribution.h"

#include <catch2/catch.hpp>

#include "billing/ledger_file.h"
#include "billing/request_view.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

TEST_CASE("attribution: a key's requests refer to one row, after a start too", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const Caller bob = ledger.make_caller("bob", kUsd);
    for (int i = 0; i < 3; ++i) {
        for (const Caller& caller : {alice, bob}) ledger.reserve(caller, kCent);
        if (i == 1) ledger.close();  // with an anchor
        if (i == 1) ledger.open();
    }
    ledger.close();
    std::filesystem::remove(ledger.anchors());
    ledger.open();  // from all entries
    ledger.reserve(bob, kCent);
    CHECK(ledger.query("SELECT count(*) FROM attributions") == 2);
    CHECK(ledger.query("SELECT count(DISTINCT subject) FROM entries WHERE kind = 1") == 2);
    CHECK(ledger.query("SELECT count(*) FROM attributions JOIN keys ON keys.id = key AND "
                       "keys.last4 = attributions.last4 AND keys.account = attributions.account "
                       "JOIN accounts ON accounts.id = keys.account AND name = path") == 2);
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("attribution: another name is another row, the old name the old row", "[billing]") {
    Attributions attributions;
    AttributionRow row{1, 7, "org/team", "ci", "wxyz", "env=prod"};
    CHECK(attributions.current({7}) == 0);
    const auto first = attributions.intern(row);
    CHECK(first.is_new);
    CHECK(attributions.current({7}) == first.id);
    attributions.forget_current();
    CHECK(attributions.current({7}) == 0);
    CHECK(!attributions.intern(row).is_new);
    row.path = "org/renamed";
    const auto second = attributions.intern(row);
    CHECK(second.is_new);
    CHECK(second.id > first.id);
    CHECK(attributions.current({7}) == second.id);
    row.path = "org/team";
    CHECK(attributions.intern(row).id == first.id);

    Attributions restored;
    restored.load(5, row);
    CHECK(restored.current({7}) == 0);  // how it is named now is asked once
    CHECK(restored.intern(row).id == 5);
    row.labels = "env=test";
    CHECK(restored.intern(row).id == 6);
}

TEST_CASE("attribution: reports and show say the names of then", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Hold hold = ledger.reserve(ledger.make_caller("alice", kUsd), kCent);
    ledger.settle(hold, {5, 0, 0, 0, 0});
    ledger.close();
    // A row of another name, and a request under it.
    {
        const auto file = must(LedgerFile::open(ledger.path(), {}));
        ChainHead head = must(file->read_head());
        REQUIRE(file->begin());
        const UnixMillis at{4'000'000'000'000};
        Entry renamed(Kind::attribution, at);
        renamed.set(Column::subject, 2);
        const Definition row = AttributionRow{1, 1, "org/alice", "ci", "wxyz", "env=prod"};
        REQUIRE(file->append(renamed, &row, head));
        Entry reserve(Kind::reserve, at);
        for (const Column column : {Column::account, Column::key, Column::amount, Column::request})
            reserve.set(column, 1);
        reserve.set(Column::request, 2);
        reserve.set(Column::subject, 2);
        REQUIRE(file->append(reserve, nullptr, head));
        Entry release(Kind::release, at);
        release.set(Column::account, 1);
        release.set(Column::request, 2);
        release.set(Column::outcome, 0);
        REQUIRE(file->append(release, nullptr, head));
        REQUIRE(file->commit());
    }
    CHECK(must(verify(ledger.path())).first_bad == "");
    ReportQuery query;
    query.by = {"account"};
    const auto rows = must(report(ledger.path(), query));
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].by[0] == "alice");
    CHECK(rows[0].usd == NanoUsd{5});
    CHECK(rows[1].by[0] == "org/alice");
    CHECK(rows[1].n_requests == 1);
    CHECK(must(find_request(ledger.path(), {1})).account_name == "alice");
    const RequestView renamed = must(find_request(ledger.path(), {2}));
    CHECK(renamed.account_name == "org/alice");
    CHECK(renamed.key_label == "ci");
    CHECK(renamed.labels == "env=prod");
}

TEST_CASE("verify: an attribution to another account or key is found", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.reserve(ledger.make_caller("alice", kUsd), kCent);
    ledger.reserve(ledger.make_caller("bob", kUsd), kCent);
    ledger.close();
    AttributionRow row{1, 1, "alice", "", "wxyz", ""};
    int64_t named = 1;  // by a request of alice's
    std::string complaint;
    SECTION("the other's row") {
        named = 2;
        complaint = "attributed to another account or key";
    }
    SECTION("a row that is not there") {
        named = 99;
        complaint = "attributed to another account or key";
    }
    SECTION("a row of a key that is not the account's") {
        row.key = 2;
        complaint = "names a key that is not the account's";
    }
    {
        const auto file = must(LedgerFile::open(ledger.path(), {}));
        ChainHead head = must(file->read_head());
        REQUIRE(file->begin());
        const UnixMillis at{4'000'000'000'000};
        Entry definition(Kind::attribution, at);
        definition.set(Column::subject, 3);
        const Definition written = row;
        REQUIRE(file->append(definition, &written, head));
        Entry reserve(Kind::reserve, at);
        reserve.set(Column::account, 1);
        reserve.set(Column::key, 1);
        reserve.set(Column::amount, 1);
        reserve.set(Column::request, 3);
        reserve.set(Column::subject, named);
        REQUIRE(file->append(reserve, nullptr, head));
        REQUIRE(file->commit());
    }
    CHECK_THAT(must(verify(ledger.path())).first_bad, Catch::Contains(complaint));
}
