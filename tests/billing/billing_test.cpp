#include "billing/billing.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

mode_t mode_of(const std::filesystem::path& file) {
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("billing: a hold becomes a charge, the rest comes back", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const Hold hold = ledger.reserve(caller, kCent);
    Balance balance = must(ledger.billing().balance("alice"));
    CHECK(balance.reserved == kCent);
    CHECK(balance.available() == kUsd - kCent);
    CHECK(ledger.billing().counters().n_reservations_open == 1);

    CHECK(ledger.settle(hold, {1'000, 0, 0, 500, 0}) == NanoUsd{2'000});
    balance = must(ledger.billing().balance("alice"));
    CHECK(balance.reserved == NanoUsd{0});
    CHECK(balance.spent == NanoUsd{2'000});

    const Hold other = ledger.reserve(caller, kCent);
    Waiter released;
    ledger.billing().release(other, Outcome::upstream_error, kStart, &released);
    CHECK(released.wait());
    CHECK(must(ledger.billing().balance("alice")).available() == kUsd - NanoUsd{2'000});
}

TEST_CASE("billing: who lacks the funds is refused, whole, and no waiter is called", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kCent);
    Waiter waiter;
    const auto refused =
        ledger.billing().reserve({caller, "r", kCent + NanoUsd{1}, kStart}, waiter);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::insufficient_funds);
    CHECK(waiter.n_told() == 0);
    CHECK(must(ledger.billing().balance("alice")).reserved == NanoUsd{0});
    ledger.reserve(caller, kCent);  // all of it
    CHECK(!ledger.billing().reserve({caller, "r", NanoUsd{1}, kStart}, waiter));
    CHECK(ledger.billing().reserve({caller, "r", NanoUsd{0}, kStart}, waiter));
    waiter.wait();
}

TEST_CASE("billing: a hold below zero and an account that is not there are refused", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    Waiter waiter;
    const auto negative = ledger.billing().reserve({caller, "r", NanoUsd{-1}, kStart}, waiter);
    CHECK(negative.error().code == Errc::amount_invalid);
    const auto unknown = ledger.billing().reserve({{{99}, {1}}, "r", NanoUsd{1}, kStart}, waiter);
    CHECK(unknown.error().code == Errc::account_unknown);
}

TEST_CASE("settle: never charges more than the hold, and says so", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    CHECK(ledger.settle(ledger.reserve(caller, NanoUsd{100}), {101, 0, 0, 0, 0}) == NanoUsd{100});
    CHECK(ledger.query("SELECT flags FROM entries WHERE kind = 2") == flag_usage_clamped);
    CHECK(ledger.settle(ledger.reserve(caller, NanoUsd{100}), {-5, 0, 0, 7, 0}) == NanoUsd{14});
    CHECK(ledger.query("SELECT input_uncached FROM entries ORDER BY seq DESC LIMIT 1") == 0);
    CHECK(ledger.query("SELECT flags FROM entries ORDER BY seq DESC LIMIT 1") ==
          flag_usage_clamped);
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("settle: keeps the upstream's own figures beside ours, and 0 apart from none",
          "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const AppliedPrice price = plain_price();
    Settlement with = settlement(price, {5, 4, 3, 2, 1});
    with.source = CountSource::upstream;
    with.upstream_tokens = TokenCounts{-9, 0, 0, 0, 77};
    Waiter waiter;
    ledger.billing().settle(ledger.reserve(caller, kCent), with, &waiter);
    waiter.wait();
    ledger.settle(ledger.reserve(caller, kCent), {1, 1, 1, 1, 1});
    CHECK(ledger.query(
              "SELECT upstream_input_uncached FROM entries WHERE request = 1 AND kind = 2") == -9);
    CHECK(ledger.query(
              "SELECT upstream_output_reasoning FROM entries WHERE request = 1 AND kind = 2") ==
          77);
    CHECK(ledger.query(
              "SELECT count(*) FROM entries WHERE kind = 2 AND upstream_cache_read IS NULL") == 1);
}

TEST_CASE("settle: said again, it charges once", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Hold hold = ledger.reserve(ledger.make_caller("alice", kUsd), kCent);
    CHECK(ledger.settle(hold, {10, 0, 0, 0, 0}) == NanoUsd{10});
    CHECK(ledger.settle(hold, {10, 0, 0, 0, 0}) == NanoUsd{0});
    Waiter waiter;
    ledger.billing().release(hold, Outcome::internal, kStart, &waiter);
    CHECK(waiter.wait());
    CHECK(must(ledger.billing().balance("alice")).spent == NanoUsd{10});
    CHECK(ledger.query("SELECT count(*) FROM entries WHERE kind IN (2, 3)") == 1);
}

TEST_CASE("billing: instants are stored and never go back", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const UnixMillis later{4'000'000'000'000};  // later than the clock that administration reads
    const Caller caller = ledger.make_caller("alice", kUsd);
    ledger.reserve(caller, kCent, later);
    ledger.reserve(caller, kCent, kStart);
    CHECK(ledger.query("SELECT count(*) FROM entries WHERE kind = 1 AND at = 4000000000000") == 2);
    ledger.open();
    CHECK(ledger.query("SELECT at FROM entries ORDER BY seq DESC LIMIT 1") == later.ms);
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("open: holds that a crash left open are released and flagged", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    ledger.reserve(caller, kCent);
    const Hold ended = ledger.reserve(caller, kCent);
    ledger.settle(ended, {10, 0, 0, 0, 0});
    ledger.reserve(caller, kCent);
    ledger.close();
    CHECK(must(verify(ledger.path())).n_open_holds == 2);

    ledger.open();
    const Balance balance = must(ledger.billing().balance("alice"));
    CHECK(balance.reserved == NanoUsd{0});
    CHECK(balance.spent == NanoUsd{10});
    CHECK(ledger.billing().counters().n_reservations_open == 0);
    CHECK(ledger.query("SELECT count(*) FROM entries WHERE kind = 3 AND flags = 8") == 2);
    // A request number is not given twice.
    CHECK(ledger.reserve(caller, kCent).request.n == 4);
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("billing: fifty threads of $0.10 against $1.00 never hold more", "[billing][threads]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const NanoUsd dime{100'000'000};
    std::atomic<int> n_admitted = 0;
    std::atomic<int> n_refused = 0;
    std::atomic<bool> is_above = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; ++i) {
        threads.emplace_back([&] {
            Waiter waiter;
            const auto hold = ledger.billing().reserve({caller, "r", dime, kStart}, waiter);
            const Balance balance = *ledger.billing().balance("alice");
            if (balance.spent + balance.reserved > balance.funds) is_above = true;
            if (!hold) {
                ++n_refused;
                return;
            }
            ++n_admitted;
            waiter.wait();
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(n_admitted == 10);
    CHECK(n_refused == 40);
    CHECK(!is_above);
    CHECK(must(ledger.billing().balance("alice")).available() == NanoUsd{0});
}

TEST_CASE("billing: many threads reserve, settle and administer at once", "[billing][threads]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    constexpr int kThreads = 6;
    constexpr int kRounds = 60;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const auto hasher = ledger.billing().make_hasher();
            const AppliedPrice price = plain_price();
            for (int i = 0; i < kRounds; ++i) {
                Waiter reserved;
                Waiter ended;
                const Hold hold = *ledger.billing().reserve(
                    {caller, "r" + std::to_string(t), kCent, kStart}, reserved);
                if (i % 3 == 0) {
                    ledger.billing().release(hold, Outcome::cut, kStart, &ended);
                } else {
                    ledger.billing().settle(hold, settlement(price, {t + 1, 0, 0, 0, 0}), &ended);
                }
                ended.wait();
                reserved.wait();
                if (i % 20 != 0) continue;
                const std::string name = "a" + std::to_string(t) + "-" + std::to_string(i);
                must(ledger.billing().create_account(name));
                must(ledger.billing().add_credit("alice", NanoUsd{1}));
                const std::string key = must(ledger.billing().create_key(name));
                const Caller other = must(ledger.billing().authenticate(*hasher, key));
                must(ledger.billing().disable_key(other.key));
                if (ledger.billing().authenticate(*hasher, key)) std::abort();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    const Balance before = must(ledger.billing().balance("alice"));
    CHECK(before.reserved == NanoUsd{0});
    CHECK(before.spent == NanoUsd{(1 + 2 + 3 + 4 + 5 + 6) * 40});
    CHECK(before.funds == kUsd + NanoUsd{kThreads * 3});
    ledger.close();
    const Verification verification = must(verify(ledger.path()));
    CHECK(verification.first_bad == "");
    CHECK(verification.n_open_holds == 0);
    ledger.open();
    const Balance after = must(ledger.billing().balance("alice"));
    CHECK(after.funds == before.funds);
    CHECK(after.spent == before.spent);
}

TEST_CASE("billing: a full queue refuses at once", "[billing][threads]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    ledger.close();
    Options options = ledger.options();
    options.n_queued_max = 2;
    std::mutex gate;
    std::unique_lock closed(gate);
    // Holds the writer after its first commit, so that what follows stays queued.
    options.on_commit = [&](auto, int64_t) { const std::lock_guard lock(gate); };
    const auto billing = must(Billing::open(options));
    std::array<Waiter, 3> waiters;
    const auto first = billing->reserve({caller, "r", NanoUsd{1}, kStart}, waiters[0]);
    REQUIRE(first);
    const AppliedPrice price = plain_price();
    Waiter settled;
    billing->settle(*first, settlement(price, {1, 0, 0, 0, 0}), &settled);  // is always taken
    const auto refused = billing->reserve({caller, "r", NanoUsd{1}, kStart}, waiters[2]);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::ledger_busy);
    CHECK(billing->create_account("bob").error().code == Errc::ledger_busy);
    closed.unlock();
    CHECK(settled.wait());
    CHECK(waiters[2].n_told() == 0);
}

TEST_CASE("billing: names of accounts", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    for (const std::string& name :
         {std::string(), std::string(65, 'a'), std::string("a b"), std::string("/"),
          std::string("\xc3\xa4"), std::string("a\0b", 3)}) {
        const auto refused = billing.create_account(name);
        REQUIRE(!refused);
        CHECK(refused.error().code == Errc::name_invalid);
    }
    CHECK(must(billing.create_account(std::string(64, 'a'))).n == 1);
    CHECK(must(billing.create_account("A.b_c-9")).n == 2);
    CHECK(billing.create_account("A.b_c-9").error().code == Errc::name_taken);
    const auto accounts = billing.accounts();
    REQUIRE(accounts.size() == 2);
    CHECK(accounts[0].path == "A.b_c-9");
    CHECK(accounts[1].path == std::string(64, 'a'));
    CHECK(billing.balance("nobody").error().code == Errc::account_unknown);
}

TEST_CASE("add_credit: above zero, and never beyond what sums can hold", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("alice"));
    CHECK(billing.add_credit("alice", NanoUsd{0}).error().code == Errc::amount_invalid);
    CHECK(billing.add_credit("alice", NanoUsd{-1}).error().code == Errc::amount_invalid);
    CHECK(billing.add_credit("bob", kUsd).error().code == Errc::account_unknown);
    const NanoUsd most{1'000'000'000'000'000'000};
    for (int i = 0; i < 9; ++i) must(billing.add_credit("alice", most));
    CHECK(billing.add_credit("alice", NanoUsd{1}).error().code == Errc::amount_invalid);
    ledger.open();
    CHECK(must(ledger.billing().balance("alice")).funds.n == 9 * most.n);
}

TEST_CASE("open: files are private, and one process owns them", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.make_caller("alice", kUsd);
    for (const char* suffix : {"", "-wal", "-shm", ".pepper", ".lock"}) {
        INFO(suffix);
        CHECK(mode_of(ledger.path().string() + suffix) == 0600);
    }
    const auto second = Billing::open(ledger.options());
    REQUIRE(!second);
    CHECK(second.error().code == Errc::owned_by_other);
    ledger.close();
    CHECK(Billing::open(ledger.options()));
}

TEST_CASE("open: another process's lock is seen, and ends with that process", "[billing]") {
    LedgerFixture ledger;
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto billing = Billing::open(ledger.options());
        const char state = billing ? 'o' : 'x';
        if (::write(ready[1], &state, 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char state = 0;
    REQUIRE(::read(ready[0], &state, 1) == 1);
    CHECK(state == 'o');
    const auto refused = Billing::open(ledger.options());
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::owned_by_other);
    CHECK(Billing::open(ledger.options()));
}

TEST_CASE("open: a file that is no ledger is refused and stays as it is", "[billing]") {
    LedgerFixture ledger;
    SECTION("text") {
        std::FILE* file = std::fopen(ledger.path().c_str(), "w");
        std::fputs(
            "this is not a database, but it is longer than a header of one is: 100 bytes, "
            "which SQLite reads first\n",
            file);
        std::fclose(file);
    }
    SECTION("another database") {
        ledger.tamper("CREATE TABLE notes(text)");
    }
    SECTION("a later version") {
        ledger.open();
        ledger.close();
        ledger.tamper("PRAGMA user_version = 5");
    }
    SECTION("a trigger is gone") {
        ledger.open();
        ledger.close();
        ledger.tamper("DROP TRIGGER entries_no_DELETE");
    }
    const auto size = std::filesystem::file_size(ledger.path());
    const auto refused = Billing::open(ledger.options());
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::ledger_broken);
    CHECK(std::filesystem::file_size(ledger.path()) == size);
}

TEST_CASE("ledger: UPDATE and DELETE are refused on every table", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Hold hold = ledger.reserve(ledger.make_caller("alice", kUsd), kCent);
    ledger.settle(hold, {1, 0, 0, 0, 0});
    must(ledger.billing().refund({hold.request, NanoUsd{1}, "T-1", "test"}));
    ledger.close();
    for (const char* table :
         {"ledger", "accounts", "keys", "names", "prices", "refunds", "attributions", "entries"}) {
        const char* column = std::string(table) == "entries" ? "seq" : "id";
        INFO(table);
        CHECK(ledger.query(std::string("SELECT count(*) FROM ") + table) > 0);
        CHECK_THROWS_WITH(
            ledger.tamper(std::string("UPDATE ") + table + " SET " + column + " = 99"),
            Catch::StartsWith("append only"));
        CHECK_THROWS_WITH(ledger.tamper(std::string("DELETE FROM ") + table),
                          Catch::StartsWith("append only"));
    }
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("ledger: a request has one RESERVE and one end, by index", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.settle(ledger.reserve(ledger.make_caller("alice", kUsd), kCent), {1, 0, 0, 0, 0});
    ledger.close();
    const std::string insert = "INSERT INTO entries(seq, kind, at, request, hash) VALUES(99, ";
    CHECK_THROWS_WITH(ledger.tamper(insert + "1, 1, 1, x'00')"), Catch::StartsWith("UNIQUE"));
    CHECK_THROWS_WITH(ledger.tamper(insert + "2, 1, 1, x'00')"), Catch::StartsWith("UNIQUE"));
    CHECK_THROWS_WITH(ledger.tamper(insert + "3, 1, 1, x'00')"), Catch::StartsWith("UNIQUE"));
}
