// What a cut takes away, what it leaves, and that it happens whole or not at all.
#include "billing/retention.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "billing/account_statement.h"
#include "billing/request_view.h"
#include "tests/billing/days.h"
#include "tests/billing/faulty_vfs.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;
using Catch::Matchers::Contains;

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kEveryCommit{0};

fs::path archive_of(const LedgerFixture& ledger, const std::string& name = "archive.db") {
    return ledger.path().parent_path() / name;
}

CutReport cut_before(LedgerFixture& ledger, UnixMillis before,
                     const std::string& name = "archive.db") {
    return must(cut_ledger(ledger.path(), {before, archive_of(ledger, name)}));
}

UnixMillis middle_of(const Days& days) {
    return {kSpring.ms + (days.end.ms - kSpring.ms) / 2};
}

bool is_of_quarters(const ReportQuery& query) {
    const auto is_quarter = [](const std::optional<UnixMillis>& at) {
        return !at || at->ms % kQuarterMs == 0;
    };
    return is_quarter(query.from) && is_quarter(query.to);
}

std::vector<Balance> balances(LedgerFixture& ledger) {
    Billing& billing = ledger.open();
    std::vector<Balance> found;
    for (const char* account : {"alice", "bob"}) found.push_back(must(billing.balance(account)));
    ledger.close();
    return found;
}

void check_sound(const fs::path& ledger) {
    const Verification found = must(verify(ledger));
    CHECK(found.first_bad == "");
}

}  // namespace

TEST_CASE("retention: reports of quarter hours, balances and the archive stay", "[billing]") {
    for (const uint32_t seed : {11u, 12u, 13u}) {
        Days days(seed, kEveryCommit);
        days.roll_up(37, 1'000);
        LedgerFixture& ledger = days.ledger;
        const auto money = balances(ledger);  // ends what was open
        const auto queries = queries_of(days);
        std::vector<std::vector<std::string>> before;
        for (const ReportQuery& query : queries)
            before.push_back(text_of(must(report(ledger.path(), query))));
        const CutReport cut = cut_before(ledger, middle_of(days));
        INFO("seed " << seed << ", cut at entry " << cut.last_entry);
        CHECK(cut.n_entries == cut.last_entry);
        CHECK(cut.at < middle_of(days));
        CHECK(cut.n_attempts > 0);
        CHECK(ledger.query("SELECT min(seq) FROM entries") == cut.last_entry + 1);
        CHECK(cut.n_kept == ledger.query("SELECT count(*) FROM entries"));
        check_sound(ledger.path());
        CHECK(must(verify(ledger.path())).n_cut == cut.last_entry);
        CHECK(must(verify(ledger.path())).n_rollups == must(verify(archive_of(ledger))).n_rollups);
        int n_refused = 0;
        for (size_t i = 0; i < queries.size(); ++i) {
            INFO("query " << i);
            const auto after = report(ledger.path(), queries[i]);
            if (!after) {
                ++n_refused;
                CHECK(after.error().code == Errc::query_invalid);
                CHECK_THAT(after.error().detail, Contains("archive.db"));
                CHECK(!is_of_quarters(queries[i]));
            } else {
                CHECK(text_of(*after) == before[i]);
            }
            CHECK(text_of(must(report(archive_of(ledger), queries[i]))) == before[i]);
        }
        CHECK(n_refused > 5);
        CHECK(n_refused < 50);
        CHECK(balances(ledger) == money);
        fs::remove(ledger.anchors());  // the cut itself says where to begin
        CHECK(balances(ledger) == money);
        check_sound(ledger.path());
    }
}

TEST_CASE("retention: a cut ledger goes on, and is cut again", "[billing]") {
    Days days(14, kEveryCommit);
    days.roll_up(50, 1'000);
    LedgerFixture& ledger = days.ledger;
    const CutReport first = cut_before(ledger, middle_of(days), "first.db");
    ledger.open();
    const Caller caller = ledger.make_caller("carol", kUsd);
    for (int i = 0; i < 20; ++i) {
        const Hold hold = ledger.reserve(caller, kCent, {days.end.ms + i * 1'000});
        ledger.settle(hold, {5, 0, 0, 0, 0}, {days.end.ms + i * 1'000 + 500});
    }
    ledger.close();
    check_sound(ledger.path());
    days.roll_up(10, 1'000);
    const auto everything = text_of(must(report(ledger.path(), {})));
    const CutReport second = cut_before(ledger, {days.end.ms + 10'000}, "second.db");
    CHECK(second.last_entry > first.last_entry);
    CHECK(second.n_entries == second.last_entry - first.last_entry);
    check_sound(ledger.path());
    check_sound(archive_of(ledger, "first.db"));
    check_sound(archive_of(ledger, "second.db"));
    CHECK(text_of(must(report(ledger.path(), {}))) == everything);
    CHECK(text_of(must(report(archive_of(ledger, "second.db"), {}))) == everything);
    // Numbers go on where they were, though no row has them any more.
    ledger.open();
    const Hold hold = ledger.reserve(caller, kCent, {days.end.ms + 60'000});
    CHECK(hold.request.n > 420);
    ledger.settle(hold, {1, 0, 0, 0, 0}, {days.end.ms + 60'000});
    ledger.close();
    check_sound(ledger.path());
}

TEST_CASE("retention: what was cut away is told to whoever asks for it", "[billing]") {
    Days days(15, kEveryCommit);
    days.roll_up(50, 1'000);
    LedgerFixture& ledger = days.ledger;
    cut_before(ledger, days.end);
    const auto request = find_request(ledger.path(), {1});
    REQUIRE(!request);
    CHECK(request.error().code == Errc::request_unknown);
    CHECK_THAT(request.error().detail, Contains("archive.db"));
    CHECK(find_request(ledger.path(), {1'000'000}).error().detail.empty());
    const auto refund = ledger.open().refund({{1}, NanoUsd{1}, "late", "late"});
    REQUIRE(!refund);
    CHECK(refund.error().code == Errc::request_unknown);
    CHECK_THAT(refund.error().detail, Contains("archive.db"));
    ledger.close();
    const auto statement = account_statement(ledger.path(), "alice", "2036-03", "UTC");
    REQUIRE(!statement);
    CHECK(statement.error().code == Errc::query_invalid);
    CHECK_THAT(statement.error().detail, Contains("archive.db"));
    const auto april = must(account_statement(ledger.path(), "alice", "2036-04", "UTC"));
    const auto whole = must(account_statement(archive_of(ledger), "alice", "2036-04", "UTC"));
    CHECK(april.opening == whole.opening);
    CHECK(april.closing == whole.closing);
    CHECK(whole.opening > NanoUsd{0});
    for (const char* row :
         {"entries WHERE seq = (SELECT max(seq) FROM entries)", "cuts", "names", "rollups"}) {
        INFO(row);
        CHECK_THROWS_WITH(ledger.tamper(std::string("DELETE FROM ") + row),
                          Contains("append only"));
    }
}

TEST_CASE("retention: what cannot be cut away stays, and why is said", "[billing]") {
    Days days(16, kEveryCommit);
    LedgerFixture& ledger = days.ledger;
    balances(ledger);
    const int64_t n_entries = ledger.query("SELECT count(*) FROM entries");
    const auto refused = [&](UnixMillis before, const std::string& why) {
        const auto cut = cut_ledger(ledger.path(), {before, archive_of(ledger)});
        REQUIRE(!cut);
        CHECK_THAT(cut.error().detail, Contains(why));
        CHECK(ledger.query("SELECT count(*) FROM entries") == n_entries);
        return cut.error().code;
    };
    CHECK(refused(days.end, "the roll-ups cover (they reach entry 0)") == Errc::query_invalid);
    days.roll_up(10, 1'000);
    CHECK(refused({1'000}, "before 1970") == Errc::query_invalid);
    CHECK(!fs::exists(archive_of(ledger)));
    SECTION("the archive is there") {
        fs::copy_file(ledger.path(), archive_of(ledger));
        CHECK(refused(days.end, "is there already") == Errc::query_invalid);
    }
    SECTION("a server has it open") {
        ledger.open();
        CHECK(refused(days.end, "") == Errc::owned_by_other);
        ledger.close();
    }
    SECTION("it is broken") {
        ledger.tamper(
            "DROP TRIGGER entries_no_UPDATE; UPDATE entries SET flags = 77 WHERE seq = 9;"
            "CREATE TRIGGER entries_no_UPDATE BEFORE UPDATE ON entries BEGIN SELECT "
            "RAISE(ABORT, 'append only'); END");
        CHECK(refused(days.end, "entry 9") == Errc::ledger_broken);
    }
    SECTION("a later refund is of a request before") {
        ledger.open();
        const int64_t request =
            ledger.query("SELECT min(request) FROM entries WHERE kind = 2 AND amount > 1");
        must(ledger.billing().refund({{request}, NanoUsd{1}, "late", "late"}));
        ledger.close();
        const CutReport cut = cut_before(ledger, days.end);
        CHECK(ledger.query("SELECT count(*) FROM entries WHERE kind = 2 AND request = " +
                           std::to_string(request)) == 1);
        CHECK(cut.last_entry <
              ledger.query("SELECT seq FROM entries WHERE kind = 2 AND request = " +
                           std::to_string(request)));
        check_sound(ledger.path());
    }
}

TEST_CASE("retention: verify names what was changed of a cut ledger", "[billing]") {
    Days days(17, kEveryCommit);
    days.roll_up(60, 1'000);
    LedgerFixture& ledger = days.ledger;
    cut_before(ledger, middle_of(days));
    check_sound(ledger.path());
    REQUIRE(ledger.query("SELECT last_attempt FROM cuts") > 0);
    REQUIRE(ledger.query("SELECT count(*) FROM rollups, cuts WHERE first_seq <= seq") > 2);
    const fs::path sound = ledger.path().string() + ".sound";
    fs::copy_file(ledger.path(), sound);
    std::string unprotect = "DROP TRIGGER cuts_no_UPDATE; DROP TRIGGER cuts_no_DELETE;";
    for (const char* table :
         {"names", "prices", "accounts", "keys", "rollups", "entries", "attributions", "refunds"}) {
        for (const char* change : {"UPDATE", "DELETE"})
            unprotect += std::string("DROP TRIGGER ") + table + "_no_" + change + ";";
    }
    const struct {
        const char* change;
        const char* named;
    } changes[] = {
        {"UPDATE cuts SET seq = seq - 1", "cut 1: "},
        {"UPDATE cuts SET standing = replace(standing, ' request ', ' request 1')", ""},
        {"UPDATE cuts SET standing = standing || ' '", "cut 1: "},
        {"UPDATE cuts SET last_attempt = 0", ""},
        {"UPDATE cuts SET definitions = zeroblob(32)", "row 1 of table cuts"},
        {"UPDATE cuts SET rollups = zeroblob(32)", "row 1 of table cuts"},
        {"UPDATE cuts SET archive = 'elsewhere.db'", "row 1 of table cuts"},
        {"DELETE FROM cuts", "entry 1: missing"},
        {"INSERT INTO cuts SELECT id + 1, seq, standing, last_attempt, definitions, rollups, "
         "archive FROM cuts",
         ""},
        {"UPDATE names SET text = 'other' WHERE id = 1", "cut 1: "},
        {"UPDATE prices SET input = 7 WHERE id = 1", "cut 1: "},
        {"UPDATE accounts SET name = 'mallory' WHERE id = 1", "cut 1: "},
        {"UPDATE keys SET last4 = 'abcd' WHERE id = 1", "cut 1: "},
        {"UPDATE attributions SET path = 'x' WHERE id = 1", "cut 1: "},
        {"DELETE FROM refunds WHERE id = 1", "cut 1: "},
        {"UPDATE rollups SET cells = x'' WHERE id = 1", "cut 1: "},
        {"DELETE FROM rollups WHERE id = 2", "cut 1: "},
        {"DELETE FROM entries WHERE seq = (SELECT min(seq) FROM entries)", ": missing"},
        {"UPDATE entries SET at = at + 1 WHERE seq = (SELECT min(seq) FROM entries)",
         "was changed"},
        {"INSERT INTO entries(seq, kind, at, hash) VALUES(3, 8, 0, zeroblob(32))",
         "stands before cut 1"},
    };
    for (const auto& each : changes) {
        INFO(each.change);
        fs::remove(ledger.path());
        fs::copy_file(sound, ledger.path());
        ledger.tamper(unprotect + each.change);
        const Verification found = must(verify(ledger.path()));
        CHECK(found.first_bad != "");
        CHECK_THAT(found.first_bad, !Contains("schema"));
        CHECK_THAT(found.first_bad, Contains(each.named));
    }
}

TEST_CASE("retention: killed at any write, the ledger is the one before or the one after",
          "[billing]") {
    Days days(18, kEveryCommit);
    days.roll_up(60, 1'000);
    LedgerFixture& ledger = days.ledger;
    const auto money = balances(ledger);
    const auto everything = text_of(must(report(ledger.path(), {})));
    const int64_t n_entries = ledger.query("SELECT max(seq) FROM entries");
    TempFolder folder;
    const std::vector<std::string> suffixes = {"", ".pepper", ".anchors"};
    for (const std::string& suffix : suffixes)
        fs::copy_file(ledger.path().string() + suffix, (folder.path() / "was").string() + suffix);
    const auto cut_and_die = [&](int64_t n_steps) {
        const pid_t child = ::fork();
        if (child == 0) {
            const FaultyVfs disk;
            FaultyVfs::die_after(n_steps);
            const auto cut = cut_ledger(ledger.path(), {middle_of(days), archive_of(ledger)});
            ::_exit(cut ? 0 : 3);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
        return WIFSIGNALED(status);
    };
    int n_before = 0, n_after = 0;
    bool is_killed = true;
    for (int64_t n_steps = 0; is_killed; n_steps += 1 + n_steps / 10) {
        INFO("killed before write or flush " << n_steps);
        for (const auto& each : fs::directory_iterator(ledger.path().parent_path()))
            fs::remove(each.path());
        for (const std::string& suffix : suffixes)
            fs::copy_file((folder.path() / "was").string() + suffix,
                          ledger.path().string() + suffix);
        is_killed = cut_and_die(n_steps);
        check_sound(ledger.path());
        REQUIRE(text_of(must(report(ledger.path(), {}))) == everything);
        const int64_t first = ledger.query("SELECT min(seq) FROM entries");
        ++(first == 1 ? n_before : n_after);
        if (first != 1) check_sound(archive_of(ledger));
        CHECK(ledger.query("SELECT max(seq) FROM entries") == n_entries + (first == 1 ? 0 : 1));
        REQUIRE(balances(ledger) == money);
    }
    CHECK(n_before > 5);
    CHECK(n_after > 1);
}
