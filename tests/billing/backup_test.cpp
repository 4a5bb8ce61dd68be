// Backups: one instant of a ledger, taken while it is written.
#include "billing/backup.h"

#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;
namespace fs = std::filesystem;

namespace {

// Requests without end, until told to stop.
class Load {
public:
    Load(LedgerFixture& ledger, Caller caller)
        : thread_([this, &ledger, caller] {
              while (!stops_) {
                  ledger.settle(ledger.reserve(caller, kCent), {1, 0, 0, 1, 0});
                  ++n_done_;
              }
          }) {}
    ~Load() {
        stops_ = true;
        thread_.join();
    }
    void wait_for(int n) const {
        while (n_done_ < n) std::this_thread::yield();
    }
    int n_done() const { return n_done_; }

private:
    std::atomic<bool> stops_ = false;
    std::atomic<int> n_done_ = 0;
    std::thread thread_;
};

bool is_private(const fs::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 && (status.st_mode & 0777) == 0600;
}

}  // namespace

TEST_CASE("backup: taken under load it verifies, and is the ledger up to its last entry",
          "[billing][threads]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds(0);
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const TempFolder elsewhere;
    std::vector<Backup> backups;
    {
        Load load(ledger, alice);
        for (int i = 0; i < 5; ++i) {
            load.wait_for(load.n_done() + 5);
            backups.push_back(
                must(back_up(ledger.path(), elsewhere.path() / ("b" + std::to_string(i)))));
        }
        load.wait_for(load.n_done() + 5);
    }
    ledger.close();
    CHECK(backups.front().n_entries < backups.back().n_entries);
    for (size_t i = 0; i < backups.size(); ++i) {
        const fs::path file = elsewhere.path() / ("b" + std::to_string(i));
        const Verification verified = must(verify(file));
        CHECK(verified.first_bad == "");
        CHECK(verified.n_entries == backups[i].n_entries);
        CHECK(verified.head == backups[i].head);
        CHECK(verified.n_anchors == backups[i].n_anchors);
        for (const char* suffix : {"", ".pepper", ".anchors"})
            CHECK(is_private(file.string() + suffix));
        CHECK_FALSE(fs::exists(file.string() + ".part"));
        const std::string same =
            "SELECT lower(hex(hash)) = '" + backups[i].head +
            "' FROM entries WHERE seq = " + std::to_string(backups[i].n_entries);
        CHECK(ledger.query(same) == 1);
    }
}

TEST_CASE("backup: restored elsewhere it serves on, with its keys", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    must(ledger.billing().create_account("alice"));
    must(ledger.billing().add_credit("alice", kUsd));
    const std::string key = must(ledger.billing().create_key("alice"));
    const TempFolder elsewhere;
    const fs::path file = elsewhere.path() / "weir.db";
    const Backup backup = must(back_up(ledger.path(), file));
    ledger.close();
    auto restored = must(Billing::open({.path = file}));
    CHECK(restored->authenticate(*restored->make_hasher(), key));
    CHECK(must(restored->balance("alice")).funds == kUsd);
    restored.reset();
    CHECK(must(verify(file)).n_entries >= backup.n_entries);
}

TEST_CASE("backup: never over a file, and nothing is left of one that failed", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.make_caller("alice", kUsd);
    const TempFolder elsewhere;
    const fs::path file = elsewhere.path() / "weir.db";
    for (const char* suffix : {"", ".pepper", ".anchors", ".part"}) {
        CAPTURE(suffix);
        std::ofstream(file.string() + suffix) << "something";
        const auto refused = back_up(ledger.path(), file);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::query_invalid);
        CHECK(std::distance(fs::directory_iterator(elsewhere.path()), {}) == 1);
        fs::remove(file.string() + suffix);
    }
    CHECK_FALSE(back_up(ledger.path(), elsewhere.path() / "no" / "folder"));
    CHECK_FALSE(back_up(elsewhere.path() / "none.db", file));
    CHECK(fs::is_empty(elsewhere.path()));
    must(back_up(ledger.path(), file));
}
