#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "billing/ledger_file.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

constexpr const char* kUnprotect =
    "PRAGMA synchronous = OFF;"
    "DROP INDEX reserve_once; DROP INDEX terminal_once;"
    "DROP TRIGGER ledger_no_UPDATE; DROP TRIGGER accounts_no_UPDATE; DROP TRIGGER keys_no_UPDATE;"
    "DROP TRIGGER names_no_UPDATE; DROP TRIGGER prices_no_UPDATE; DROP TRIGGER entries_no_UPDATE;"
    "DROP TRIGGER refunds_no_UPDATE; DROP TRIGGER attempts_no_UPDATE;"
    "DROP TRIGGER attempts_no_DELETE; DROP TRIGGER attributions_no_UPDATE;"
    "DROP TRIGGER entries_no_DELETE; DROP TRIGGER accounts_no_DELETE; DROP TRIGGER "
    "names_no_DELETE; DROP TRIGGER account_terms_no_UPDATE; DROP TRIGGER key_terms_no_UPDATE;"
    "DROP TRIGGER key_secrets_no_UPDATE; DROP TRIGGER budgets_no_UPDATE;"
    "DROP TRIGGER credits_no_UPDATE;";

// Every kind of entry at least once; closed.
void fill(LedgerFixture& ledger) {
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const Caller bob = ledger.make_caller("bob", kUsd);
    const AppliedPrice price = plain_price();
    Settlement full = settlement(price, {5, 4, 3, 2, 1});
    full.upstream_tokens = TokenCounts{5, 4, 3, 2, 1};
    AttemptRecord attempts[2];
    for (AttemptRecord& attempt : attempts) {
        attempt.endpoint = "endpoint-a";
        attempt.model = "model-a";
        attempt.price = &price;
        attempt.tokens = {1, 1, 1, 1, 1};
    }
    attempts[1].upstream_tokens = TokenCounts{5, 4, 3, 2, 1};
    attempts[1].upstream_request = std::string("id");
    full.attempts = attempts;
    Waiter waiter;
    ledger.billing().settle(ledger.reserve(alice, kCent), full, &waiter);
    waiter.wait();
    must(ledger.billing().refund({{1}, NanoUsd{3}, "T-1", "slow"}));
    const Hold released = ledger.reserve(bob, kCent, kStart, "route-b");
    ledger.settle(ledger.reserve(bob, kCent), {1, 0, 0, 0, 0});
    Waiter release_told;
    ledger.billing().release(released, Outcome::quota, kStart, &release_told);
    release_told.wait();
    must(ledger.billing().disable_key(bob.key));
    must(ledger.billing().enable_key(bob.key));
    must(ledger.billing().create_account({"alice/team", Wallet::postpaid, kCent}));
    must(ledger.billing().set_credit_limit("alice/team", kUsd));
    must(ledger.billing().create_key("alice/team", {"ci", {"a=b"}, {}, {"route-a"}, {}, {}}));
    must(ledger.billing().rotate_key(bob.key, std::chrono::hours{1}));
    for (const auto scope : {BudgetScope::account, BudgetScope::key, BudgetScope::model}) {
        const char* subject = scope == BudgetScope::account ? "alice"
                              : scope == BudgetScope::key   ? "1"
                                                            : "route-a";
        must(ledger.billing().set_budget({scope, subject, BudgetPeriod::day, kUsd, "UTC", "50"}));
    }
    must(ledger.billing().remove_budget(BudgetScope::key, "1", BudgetPeriod::day));
    must(ledger.billing().credit("bob", kUsd, "INV-1"));
    must(ledger.billing().credit("bob", NanoUsd{-5}, "INV-2"));
    ledger.settle(ledger.reserve(alice, kCent), {1, 0, 0, 0, 0});
    ledger.close();
}

// Text of a query's first column, row by row.
std::vector<std::string> column_of(const std::filesystem::path& file, const std::string& sql) {
    sqlite3* database = nullptr;
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    std::vector<std::string> values;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        values.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return values;
}

// Puts back the same ledger again and again, to change one thing each time.
class Tampering {
public:
    Tampering() {
        fill(ledger_);
        copy_ = ledger_.path().string() + ".copy";
        std::filesystem::copy_file(ledger_.path(), copy_);
    }

    std::string first_bad(const std::string& sql) {
        for (const char* suffix : {"", "-wal", "-shm"}) {
            std::filesystem::remove(ledger_.path().string() + suffix);
        }
        std::filesystem::copy_file(copy_, ledger_.path());
        ledger_.tamper(kUnprotect + sql);
        return must(verify(ledger_.path())).first_bad;
    }

    LedgerFixture& ledger() { return ledger_; }
    const std::filesystem::path& copy() const { return copy_; }

private:
    LedgerFixture ledger_;
    std::filesystem::path copy_;
};

bool names(const std::string& first_bad, const std::string& seq) {
    return first_bad.starts_with("entry " + seq + ":");
}

}  // namespace

TEST_CASE("verify: an untouched ledger holds, and its head is the last hash", "[billing]") {
    LedgerFixture ledger;
    fill(ledger);
    const Verification verification = must(verify(ledger.path()));
    CHECK(verification.first_bad == "");
    CHECK(verification.n_entries == ledger.query("SELECT count(*) FROM entries"));
    CHECK(verification.n_open_holds == 0);
    CHECK(verification.head == column_of(ledger.path(),
                                         "SELECT lower(hex(hash)) FROM entries "
                                         "ORDER BY seq DESC LIMIT 1")[0]);
}

TEST_CASE("verify: works beside the server that writes", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.reserve(ledger.make_caller("alice", kUsd), kCent);
    const Verification verification = must(verify(ledger.path()));
    CHECK(verification.first_bad == "");
    CHECK(verification.n_open_holds == 1);
}

TEST_CASE("verify: any column of any entry, changed, is found where it stands", "[billing]") {
    Tampering tampering;
    const auto columns =
        column_of(tampering.copy(), "SELECT name FROM pragma_table_info('entries')");
    REQUIRE(columns.size() == kColumnCount + 1);
    for (const std::string& seq : column_of(tampering.copy(), "SELECT seq FROM entries")) {
        for (const std::string& column : columns) {
            const std::string change = column == "hash"  ? "zeroblob(32)"
                                       : column == "seq" ? "1000 + seq"
                                                         : "ifnull(" + column + " + 1, 0)";
            const std::string bad = tampering.first_bad("UPDATE entries SET " + column + " = " +
                                                        change + " WHERE seq = " + seq);
            INFO("column " << column << " of entry " << seq << ": " << bad);
            CHECK(names(bad, seq));
        }
    }
}

TEST_CASE("verify: says what was changed, and of which request", "[billing]") {
    Tampering tampering;
    const std::string settle = std::to_string(
        tampering.ledger().query("SELECT seq FROM entries WHERE kind = 2 AND request = 1"));
    const auto verification = [&](const std::string& change) {
        tampering.first_bad("UPDATE entries SET " + change + " WHERE seq = " + settle);
        return must(verify(tampering.ledger().path()));
    };
    Verification found = verification("amount = amount + 1");
    CHECK(found.bad_entry == std::stoll(settle));
    CHECK(found.bad_request == RequestId{1});
    CHECK(found.first_bad ==
          "entry " + settle +
              ": request 1: hash does not match: its row, or row 2 of table attempts, was "
              "changed; amount is 0.000000019, its tokens and price say 0.000000018");
    found = verification("hash = zeroblob(32)");
    CHECK(found.first_bad == "entry " + settle +
                                 ": request 1: hash does not match: the hash was changed, its row "
                                 "was not");
    found = verification("at = at + 1, hash = zeroblob(32)");
    CHECK(found.first_bad ==
          "entry " + settle +
              ": request 1: hash does not match: its row, or row 2 of table attempts, or the "
              "hash was changed");
    tampering.first_bad("UPDATE accounts SET name = 'eve' WHERE id = 2");
    found = must(verify(tampering.ledger().path()));
    CHECK(found.bad_request == RequestId{0});
    CHECK_THAT(found.first_bad,
               Catch::EndsWith("its row, or row 2 of table accounts, was changed"));
}

TEST_CASE("verify: any column of what entries refer to, changed, is found", "[billing]") {
    Tampering tampering;
    const std::map<std::string, std::string> kind_of = {
        {"accounts", "(5)"},       {"keys", "(6)"},       {"names", "(8)"},
        {"prices", "(9)"},         {"refunds", "(10)"},   {"attributions", "(11)"},
        {"account_terms", "(20)"}, {"key_terms", "(21)"}, {"key_secrets", "(22)"},
        {"budgets", "(23)"},       {"credits", "(4, 25)"}};
    for (const auto& [table, kind] : kind_of) {
        for (const std::string& id : column_of(tampering.copy(), "SELECT id FROM " + table)) {
            const std::string seq =
                column_of(tampering.copy(), "SELECT seq FROM entries WHERE kind IN " + kind +
                                                " AND subject = " + id)[0];
            for (const std::string& column : column_of(
                     tampering.copy(), "SELECT name FROM pragma_table_info('" + table + "')")) {
                const std::string change =
                    "CASE typeof(" + column + ") WHEN 'text' THEN " + column +
                    " || 'x' WHEN 'blob' THEN zeroblob(32) ELSE 1000 + " + column + " END";
                const std::string bad = tampering.first_bad("UPDATE " + table + " SET " + column +
                                                            " = " + change + " WHERE id = " + id);
                INFO("column " << column << " of " << table << " " << id << ": " << bad);
                CHECK(names(bad, seq));
                if (column == "id") continue;
                // What a smaller type would read as the same.
                const std::string wide = tampering.first_bad(
                    "UPDATE " + table + " SET " + column + " = 256 + " + column +
                    " WHERE id = " + id + " AND typeof(" + column + ") = 'integer'; UPDATE " +
                    table + " SET " + column + " = zeroblob(31) WHERE id = " + id + " AND typeof(" +
                    column + ") = 'blob'; UPDATE " + table + " SET " + column +
                    " = 'x' WHERE id = " + id + " AND typeof(" + column + ") = 'text'");
                CHECK(names(wide, seq));
            }
        }
    }
    for (const std::string& column :
         column_of(tampering.copy(), "SELECT name FROM pragma_table_info('attempts')")) {
        for (const std::string id : {"1", "2"}) {
            const std::string change = column == "upstream_request"
                                           ? "ifnull(upstream_request || 'x', '')"
                                           : "ifnull(1000 + " + column + ", 0)";
            const std::string bad = tampering.first_bad("UPDATE attempts SET " + column + " = " +
                                                        change + " WHERE id = " + id);
            INFO("column " << column << " of attempt " << id << ": " << bad);
            CHECK(
                names(bad, column_of(tampering.copy(),
                                     "SELECT seq FROM entries WHERE kind = 2 AND request = 1")[0]));
        }
    }
    CHECK(names(tampering.first_bad("UPDATE ledger SET pepper_check = zeroblob(32)"), "1"));
}

TEST_CASE("verify: rows dropped, added and swapped are found", "[billing]") {
    Tampering tampering;
    CHECK(names(tampering.first_bad("DELETE FROM entries WHERE seq = 7"), "7"));
    CHECK(names(tampering.first_bad("DELETE FROM entries WHERE seq = 1"), "1"));
    CHECK(names(tampering.first_bad("UPDATE entries SET seq = -1 WHERE seq = 5;"
                                    "UPDATE entries SET seq = 5 WHERE seq = 6;"
                                    "UPDATE entries SET seq = 6 WHERE seq = -1"),
                "5"));
    CHECK(names(
        tampering.first_bad("INSERT INTO entries(seq, kind, at, hash) VALUES(0, 4, 1, x'00')"),
        "1"));
    CHECK(tampering.first_bad("DELETE FROM accounts WHERE id = 2").find("is missing") !=
          std::string::npos);
    CHECK(tampering.first_bad("INSERT INTO accounts VALUES(77, 'mallory', 0, 0, 0)") ==
          "table accounts: a row that no entry speaks of");
    CHECK(names(
        tampering.first_bad("DELETE FROM attempts WHERE id = 1"),
        column_of(tampering.copy(), "SELECT seq FROM entries WHERE subject = 2 AND kind = 2")[0]));
    CHECK(tampering.first_bad("INSERT INTO attempts SELECT 99, request, n, endpoint, model, price, "
                              "started, ended, outcome, source, cost, 0, 0, 0, 0, 0, NULL, NULL, "
                              "NULL, NULL, NULL, NULL FROM attempts WHERE id = 1") ==
          "table attempts: a row that no entry speaks of");
    CHECK(tampering.first_bad("INSERT INTO refunds VALUES(77, 'T-77', 'r')") ==
          "table refunds: a row that no entry speaks of");
    CHECK(tampering.first_bad("INSERT INTO keys VALUES(77, 1, zeroblob(32), 'p', 'l')") ==
          "table keys: a row that no entry speaks of");
    CHECK(tampering.first_bad("INSERT INTO budgets VALUES(77, 77, 0, 1, 0, 'UTC', 5, '', 0, 1)") ==
          "table budgets: a row that no entry speaks of");
    CHECK(tampering.first_bad("INSERT INTO key_terms VALUES(77, 1, '', '', 0, '', '', '')") ==
          "table key_terms: a row that no entry speaks of");
}

TEST_CASE("verify: missing triggers are found though every row is right", "[billing]") {
    Tampering tampering;
    CHECK_THAT(tampering.first_bad(""), Catch::StartsWith("schema: "));
}

// A chain cannot show by itself that its end was cut off: anchors do, and the heads in the log.
TEST_CASE("verify: without anchors a cut tail changes the head, and that they are missing is said",
          "[billing]") {
    LedgerFixture ledger;
    fill(ledger);
    std::filesystem::remove(ledger.anchors());
    const Verification before = must(verify(ledger.path()));
    ledger.tamper(
        "DROP TRIGGER entries_no_DELETE;"
        "DELETE FROM entries WHERE seq > (SELECT max(seq) - 2 FROM entries);"
        "CREATE TRIGGER entries_no_DELETE BEFORE DELETE ON entries "
        "WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM cuts) "
        "BEGIN SELECT RAISE(ABORT, 'append only'); END");
    const Verification after = must(verify(ledger.path()));
    CHECK(after.first_bad == "");
    CHECK(!after.has_anchors);
    CHECK(after.n_entries == before.n_entries - 2);
    CHECK(after.head != before.head);
}

TEST_CASE("verify: entries that lie under a true hash are found by what they say", "[billing]") {
    LedgerFixture ledger;
    fill(ledger);
    Entry entry(Kind::release, UnixMillis{4'000'000'000'000});
    std::string complaint;
    SECTION("released without a hold") {
        entry.set(Column::request, 77);
        entry.set(Column::account, 2);
        entry.set(Column::outcome, 0);
        complaint = "releases a request that is not open";
    }
    SECTION("overspent") {
        entry = Entry(Kind::reserve, UnixMillis{4'000'000'000'000});
        entry.set(Column::request, 99);
        entry.set(Column::account, 1);
        entry.set(Column::key, 1);
        entry.set(Column::amount, kUsd.n);
        complaint = "is available";
    }
    SECTION("back in time") {
        entry = Entry(Kind::credit, UnixMillis{1});
        entry.set(Column::account, 1);
        entry.set(Column::amount, 1);
        complaint = "instant";
    }
    SECTION("a credit below zero") {
        entry = Entry(Kind::credit, UnixMillis{4'000'000'000'000});
        entry.set(Column::account, 1);
        entry.set(Column::amount, -5);
        complaint = "a credit of nothing or less";
    }
    SECTION("of no kind") {
        entry = Entry(static_cast<Kind>(77), UnixMillis{4'000'000'000'000});
        complaint = "kind 77";
    }
    {
        const auto file = must(LedgerFile::open(ledger.path(), {}));
        ChainHead head = must(file->read_head());
        REQUIRE(file->begin());
        REQUIRE(file->append(entry, nullptr, head));
        REQUIRE(file->commit());
    }
    const std::string seq = std::to_string(ledger.query("SELECT max(seq) FROM entries"));
    const std::string bad = must(verify(ledger.path())).first_bad;
    INFO(bad);
    CHECK(names(bad, seq));
    CHECK(bad.find(complaint) != std::string::npos);
}

TEST_CASE("verify: an amount that its tokens and price do not give is found", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    ledger.settle(ledger.reserve(alice, kCent), {1, 0, 0, 0, 0});  // price 1 is known from here on
    ledger.reserve(alice, kCent);
    ledger.close();
    Entry entry(Kind::settle, UnixMillis{4'000'000'000'000});
    for (const Column column : {Column::request, Column::account, Column::price, Column::source,
                                Column::outcome, Column::flags}) {
        entry.set(column, 0);
    }
    entry.set(Column::request, 2);
    entry.set(Column::account, 1);
    entry.set(Column::price, 1);
    entry.set_tokens(Column::input_uncached, {100, 0, 0, 0, 0});
    entry.set(Column::amount, 99);
    {
        const auto file = must(LedgerFile::open(ledger.path(), {}));
        ChainHead head = must(file->read_head());
        REQUIRE(file->begin());
        REQUIRE(file->append(entry, nullptr, head));
        REQUIRE(file->commit());
    }
    const std::string bad = must(verify(ledger.path())).first_bad;
    CHECK_THAT(bad, Catch::Contains("its tokens and price say 0.0000001"));
}

TEST_CASE("open: a broken tail is refused by number", "[billing]") {
    LedgerFixture ledger;
    fill(ledger);
    ledger.tamper(
        "DROP TRIGGER entries_no_UPDATE;"
        "UPDATE entries SET outcome = 5 WHERE seq = (SELECT max(seq) FROM entries WHERE kind = 2);"
        "CREATE TRIGGER entries_no_UPDATE BEFORE UPDATE ON entries "
        "BEGIN SELECT RAISE(ABORT, 'append only'); END");
    const auto refused = Billing::open(ledger.options());
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::ledger_broken);
    CHECK_THAT(refused.error().detail, Catch::StartsWith("entry "));
}

TEST_CASE("verify and report: no file, and a file that is no ledger, are errors", "[billing]") {
    LedgerFixture ledger;
    CHECK(!verify(ledger.path()));
    CHECK(!report(ledger.path(), {}));
    ledger.tamper("CREATE TABLE notes(text)");
    CHECK(verify(ledger.path()).error().code == Errc::ledger_broken);
    CHECK(report(ledger.path(), {}).error().code == Errc::ledger_broken);
}
