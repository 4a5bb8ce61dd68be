// A ledger of an older version becomes one of this version, whole or not at all.
#include "billing/migration.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "billing/schema.h"
#include "tests/billing/fixture.h"
#include "tests/billing/version_1.h"

using namespace billing;
using namespace billing::test;

namespace {

// Everything that the schema says, and the end of the chain.
std::string describe(const std::filesystem::path& file) {
    auto database = must(Database::open(file, Database::Mode::read_only));
    return must(database.query_text("PRAGMA integrity_check")) + ", version " +
           std::to_string(must(database.query_integer("PRAGMA user_version"))) + ", " +
           must(database.query_text("SELECT group_concat(sql, char(10)) FROM sqlite_master")) +
           ", " + std::to_string(must(database.query_integer("SELECT count(*) FROM entries"))) +
           " entries, the last " +
           must(database.query_text(
               "SELECT lower(hex(hash)) FROM entries ORDER BY seq DESC LIMIT 1"));
}

// In a process of its own, killed before the step behind `n_done`. False: there is no such step.
bool migrate_and_die(const std::filesystem::path& file, int64_t n_until_death) {
    const pid_t child = ::fork();
    if (child == 0) {
        auto database = Database::open(file, Database::Mode::read_write);
        if (!database) ::_exit(2);
        const auto migrated = migrate(*database, [n_until_death](int64_t n_done) {
            if (n_done == n_until_death) ::kill(::getpid(), SIGKILL);
        });
        ::_exit(migrated ? 0 : 3);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

// Opened by this program, the rows are as they were and the books come to the same.
void check_migrated(LedgerFixture& ledger, const Version1& before) {
    const std::string n_before = std::to_string(before.n_entries);
    Billing& billing = ledger.open();
    CHECK(must(billing.balance("alice")) ==
          Balance{NanoUsd{9 * kUsd.n}, NanoUsd{0}, NanoUsd{before.spent}});
    const Hold hold = ledger.reserve({{1}, {1}}, kCent);
    CHECK(ledger.settle(hold, {1, 0, 0, 0, 0}) == NanoUsd{1});
    ledger.close();
    auto database = must(Database::open(ledger.path(), Database::Mode::read_only));
    CHECK(must(database.query_text("SELECT lower(hex(hash)) FROM entries WHERE seq = " +
                                   n_before)) == before.head);
    const Verification verified = must(verify(ledger.path()));
    CHECK(verified.first_bad == "");
    CHECK(verified.n_open_holds == 0);
    CHECK(verified.n_entries > before.n_entries);
}

void kill_before_every_step(int64_t n_requests) {
    LedgerFixture ledger;
    const Version1 before = make_version_1(ledger.path(), n_requests);
    const std::string description = describe(ledger.path());
    int64_t n_until_death = 0;
    for (; migrate_and_die(ledger.path(), n_until_death); ++n_until_death) {
        INFO("killed before step " << n_until_death);
        REQUIRE(describe(ledger.path()) == description);
    }
    CHECK(n_until_death > 1);
    check_migrated(ledger, before);
}

}  // namespace

TEST_CASE("migration: a ledger of version 1 is opened as one of this version", "[billing]") {
    LedgerFixture ledger;
    const Version1 before = make_version_1(ledger.path(), 3);
    // What the first version wrote from the same rows.
    CHECK(before.head == "de03b668e072cd4fa5c28988a9b2025ad7780a179b8f0a3df1fad0363310cc6f");
    check_migrated(ledger, before);
    auto database = must(Database::open(ledger.path(), Database::Mode::read_only));
    CHECK(must(schema_version(database)) == kSchemaVersion);
    const std::string migrated = describe(ledger.path());
    ledger.open();
    ledger.close();
    CHECK(describe(ledger.path()) == migrated);
}

TEST_CASE("migration: a ledger of version 2 is opened as one of this version", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.settle(ledger.reserve(ledger.make_caller("alice", kUsd), kCent), {1, 0, 0, 0, 0});
    ledger.close();
    const std::string description = describe(ledger.path());
    // What later versions brought, taken away again.
    std::string script = "DROP TABLE answers; DROP TABLE cuts; PRAGMA user_version = 2;";
    for (const std::string table : {"entries", "attempts"}) {
        const std::string name = table + "_no_DELETE";
        script += "DROP TRIGGER " + name + "; CREATE TRIGGER " + name + " BEFORE DELETE ON " +
                  table + " BEGIN SELECT RAISE(ABORT, 'append only'); END;";
    }
    ledger.tamper(script);
    CHECK_THAT(verify(ledger.path()).error().detail, Catch::Contains("schema version 2"));
    CHECK(must(ledger.open().balance("alice")).spent == NanoUsd{1});
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
    CHECK(ledger.query("PRAGMA user_version") == kSchemaVersion);
    CHECK(describe(ledger.path()).size() == description.size());
}

TEST_CASE("migration: killed before any step, it is still the ledger of version 1", "[billing]") {
    kill_before_every_step(2'000);
}

TEST_CASE("migration: killed before any step, with a million entries", "[billing][.slow]") {
    kill_before_every_step(500'000);
}

TEST_CASE("migration: a ledger that is not as its version says stays as it is", "[billing]") {
    LedgerFixture ledger;
    make_version_1(ledger.path(), 10);
    ledger.tamper(GENERATE("DROP TRIGGER entries_no_DELETE", "CREATE TABLE notes(text)",
                           "CREATE TABLE refunds(id INTEGER PRIMARY KEY)"));
    const std::string description = describe(ledger.path());
    CHECK(!Billing::open(ledger.options()));
    CHECK(describe(ledger.path()) == description);
}

TEST_CASE("migration: who only reads an older ledger is told what to do", "[billing]") {
    LedgerFixture ledger;
    make_version_1(ledger.path(), 10);
    const std::string description = describe(ledger.path());
    for (const Error& error : {verify(ledger.path()).error(), report(ledger.path(), {}).error()}) {
        CHECK(error.code == Errc::ledger_unavailable);
        CHECK_THAT(error.detail,
                   Catch::Contains("schema version 1") && Catch::Contains("weir serve"));
    }
    CHECK(describe(ledger.path()) == description);
}
