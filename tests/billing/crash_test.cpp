// kill -9 at any moment: what a caller was told is on disk is on disk, and the books hold.
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <new>
#include <random>
#include <thread>
#include <vector>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

constexpr int kThreads = 4;
constexpr size_t kRequestsMax = 50'000;

// Shared with the child, and left behind by it.
struct Witness {
    std::atomic<int64_t> n_told;
    struct Request {
        std::atomic<bool> reserved, ended;  // told durable
        std::atomic<int64_t> charged;
        std::atomic<int64_t> checkpointed;  // nano-dollars, when the checkpoint was handed over
    };
    Request requests[kRequestsMax];
};

class SharedWitness {
public:
    SharedWitness()
        : memory_(::mmap(nullptr, sizeof(Witness), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (memory_ == MAP_FAILED) throw std::bad_alloc();
        witness_ = new (memory_) Witness();
    }
    SharedWitness(const SharedWitness&) = delete;
    SharedWitness& operator=(const SharedWitness&) = delete;
    ~SharedWitness() { ::munmap(memory_, sizeof(Witness)); }
    Witness& operator*() { return *witness_; }

private:
    void* memory_;
    Witness* witness_;
};

class Note final : public CommitWaiter {
public:
    Note(std::atomic<int64_t>& n_told, std::atomic<bool>& told) : n_told_(n_told), told_(told) {}
    void on_committed(bool durable) noexcept override {
        told_ = durable;
        ++n_told_;
        waiter_.on_committed(durable);
    }
    void wait() { waiter_.wait(); }

private:
    std::atomic<int64_t>& n_told_;
    std::atomic<bool>& told_;
    Waiter waiter_;
};

constexpr int64_t kLongSteps = 10;

// A request that stays open for a while: a checkpoint each step, the one before it on disk by then.
class LongRequest {
public:
    LongRequest(Billing& billing, Witness& witness) : billing_(billing), witness_(witness) {}

    void step(const Caller& caller, const AppliedPrice& price) {
        if (!hold_) {
            Waiter reserved;
            const auto hold = billing_.reserve({caller, "r", NanoUsd{1'000}, kStart}, reserved);
            if (!hold || !reserved.wait()) ::_exit(4);
            hold_ = *hold;
            n_steps_ = 0;
            request().reserved = true;
        }
        const TokenCounts tokens{++n_steps_, 0, 0, 0, 0};  // a nano-dollar each
        if (n_steps_ == kLongSteps) {
            request().charged = n_steps_;
            Note ended(witness_.n_told, request().ended);
            billing_.settle(*hold_, settlement(price, tokens), &ended);
            ended.wait();
            hold_.reset();
            return;
        }
        request().checkpointed = n_steps_;
        Checkpoint checkpoint;
        checkpoint.endpoint = "endpoint-a";
        checkpoint.model = "model-a";
        checkpoint.price = &price;
        checkpoint.started = checkpoint.now = kStart;
        checkpoint.tokens = tokens;
        billing_.checkpoint(*hold_, checkpoint);
    }

private:
    Witness::Request& request() { return witness_.requests[static_cast<size_t>(hold_->request.n)]; }

    Billing& billing_;
    Witness& witness_;
    std::optional<Hold> hold_;
    int64_t n_steps_ = 0;
};

// Never returns: one of the threads kills the process once `n_until_death` waiters were told.
[[noreturn]] void live_and_die(const Options& options, Witness& witness, int64_t n_until_death) {
    const auto billing = must(Billing::open(options));
    const Caller caller{{1}, {1}};
    const AppliedPrice price = plain_price();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            LongRequest longer(*billing, witness);
            for (int64_t i = 0;; ++i) {
                longer.step(caller, price);
                if (witness.n_told >= n_until_death) ::kill(::getpid(), SIGKILL);
                // The numbers of requests start where the last life ended; the slot is found after.
                std::atomic<bool> reserved_told = false;
                Note reserved(witness.n_told, reserved_told);
                const auto hold = billing->reserve({caller, "r", NanoUsd{1'000}, kStart}, reserved);
                if (!hold) ::_exit(2);
                reserved.wait();
                auto& request = witness.requests[static_cast<size_t>(hold->request.n)];
                request.reserved = reserved_told.load();
                Note ended(witness.n_told, request.ended);
                const int64_t n_tokens = (i + t) % 4 == 0 ? 0 : i % 900;
                request.charged = n_tokens;  // a nano-dollar each; noted before anybody hears
                if (n_tokens == 0) {
                    billing->release(*hold, Outcome::cut, kStart, &ended);
                } else {
                    billing->settle(*hold, settlement(price, {n_tokens, 0, 0, 0, 0}), &ended);
                }
                ended.wait();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    ::_exit(3);
}

struct Stored {
    bool reserved = false, ended = false;
    int64_t charged = 0;
};

std::map<int64_t, Stored> read_requests(const std::filesystem::path& file) {
    sqlite3* database = nullptr;
    sqlite3_stmt* rows = nullptr;
    REQUIRE(sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_prepare_v2(
                database, "SELECT request, kind, ifnull(amount, 0) FROM entries WHERE kind <= 3",
                -1, &rows, nullptr) == SQLITE_OK);
    std::map<int64_t, Stored> requests;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        Stored& stored = requests[sqlite3_column_int64(rows, 0)];
        if (sqlite3_column_int64(rows, 1) == 1) {
            stored.reserved = true;
        } else {
            stored.ended = true;
            stored.charged = sqlite3_column_int64(rows, 2);
        }
    }
    sqlite3_finalize(rows);
    sqlite3_close(database);
    return requests;
}

// What was open is settled by its last checkpoint or the one before, or released. Returns how many
// were settled.
int64_t check_recovered(Witness& witness, const std::map<int64_t, Stored>& left,
                        const std::map<int64_t, Stored>& recovered) {
    int64_t n_settled = 0;
    for (const auto& [id, stored] : left) {
        if (stored.ended) continue;
        const Stored& end = recovered.at(id);
        const int64_t reached = witness.requests[static_cast<size_t>(id)].checkpointed;
        if (!end.ended || end.charged > reached || end.charged < reached - 1) {
            FAIL("request " << id << ": charged " << end.charged << ", its checkpoint was "
                            << reached);
        }
        n_settled += end.charged > 0 ? 1 : 0;
    }
    return n_settled;
}

void kill_many_times(int n_rounds, uint64_t seed, std::chrono::milliseconds anchor_interval) {
    LedgerFixture ledger;
    ledger.anchor_interval = anchor_interval;
    ledger.open();
    ledger.make_caller("alice", kUsd);
    ledger.close();
    SharedWitness shared;
    Witness& witness = *shared;
    std::mt19937_64 random(seed);
    int64_t n_settled = 0;
    for (int round = 0; round < n_rounds; ++round) {
        INFO("seed " << seed << " round " << round);
        const auto n_until_death = witness.n_told + 1 + static_cast<int64_t>(random() % 200);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) live_and_die(ledger.options(), witness, n_until_death);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));

        // As the dead left it.
        const Verification left = must(verify(ledger.path()));
        REQUIRE(left.first_bad == "");
        std::map<int64_t, Stored> stored = read_requests(ledger.path());
        for (size_t i = 0; i < kRequestsMax; ++i) {
            const auto& request = witness.requests[i];
            if (!request.reserved && !request.ended) continue;
            const Stored& on_disk = stored[static_cast<int64_t>(i)];
            if (request.reserved && !on_disk.reserved) FAIL("request " << i << ": RESERVE is lost");
            if (!request.ended) continue;
            if (!on_disk.ended) FAIL("request " << i << ": its end is lost");
            if (request.charged != on_disk.charged) FAIL("request " << i << ": another amount");
        }
        // And after the next start.
        ledger.open();
        REQUIRE(ledger.billing().counters().n_reservations_open == 0);
        n_settled += check_recovered(witness, stored, read_requests(ledger.path()));
        const Balance balance = must(ledger.billing().balance("alice"));
        ledger.close();
        REQUIRE(balance.reserved == NanoUsd{0});
        REQUIRE(balance.spent.n == ledger.query("SELECT sum(amount) FROM entries WHERE kind = 2"));
        const Verification after = must(verify(ledger.path()));
        REQUIRE(after.first_bad == "");
        REQUIRE(after.n_open_holds == 0);
    }
    CHECK(n_settled > n_rounds);  // of up to four each round
}

}  // namespace

TEST_CASE("crash: killed under load, nothing that was told durable is lost", "[billing]") {
    kill_many_times(20, 1, std::chrono::minutes{1});
}

TEST_CASE("crash: killed between commits and their anchors, which agree with the entries",
          "[billing]") {
    kill_many_times(20, 3, std::chrono::milliseconds{0});
}

TEST_CASE("crash: killed two hundred times", "[billing][.slow]") {
    kill_many_times(100, 2, std::chrono::minutes{1});
    kill_many_times(100, 4, std::chrono::milliseconds{0});
}
