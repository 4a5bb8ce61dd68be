// What anchors are for: a start that reads only what is behind the last one, and a ledger whose end
// was cut off, or that was made anew, being seen.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>
#include <vector>

#include "billing/anchor_file.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kCutTwo =
    "DROP TRIGGER entries_no_DELETE;"
    "DELETE FROM entries WHERE seq > (SELECT max(seq) - 2 FROM entries);"
    "CREATE TRIGGER entries_no_DELETE BEFORE DELETE ON entries "
    "WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM cuts) "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END";

struct Filled {
    Caller alice, bob;
};

// Two accounts, a disabled key, settled, released and open requests. Stays open.
Filled fill(LedgerFixture& ledger, int n_requests = 5) {
    ledger.open();
    const Filled callers{ledger.make_caller("alice", kUsd), ledger.make_caller("bob", kUsd)};
    for (int i = 0; i < n_requests; ++i) {
        ledger.settle(ledger.reserve(callers.alice, kCent), {10 + i, 0, 0, 0, 0});
        Waiter released;
        ledger.billing().release(ledger.reserve(callers.bob, kCent), Outcome::cut, kStart,
                                 &released);
        released.wait();
    }
    must(ledger.billing().disable_key(callers.bob.key));
    return callers;
}

std::string bad(const LedgerFixture& ledger) {
    return must(verify(ledger.path())).first_bad;
}

void check_refused(const LedgerFixture& ledger, const std::string& what) {
    const auto opened = Billing::open(ledger.options());
    REQUIRE(!opened);
    CHECK(opened.error().code == Errc::ledger_broken);
    CHECK_THAT(opened.error().detail, Catch::Contains(what));
    CHECK_THAT(opened.error().detail, Catch::Contains("move the anchors away"));
}

int64_t n_lines(const fs::path& file) {
    std::ifstream in(file);
    return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
}

}  // namespace

TEST_CASE("anchors: one at stop, none where nothing was added, and verify counts them",
          "[billing]") {
    LedgerFixture ledger;
    fill(ledger);
    CHECK(!fs::exists(ledger.anchors()));
    ledger.close();
    CHECK(n_lines(ledger.anchors()) == 1);
    ledger.open();
    ledger.close();
    CHECK(n_lines(ledger.anchors()) == 1);
    const Verification verification = must(verify(ledger.path()));
    CHECK(verification.first_bad == "");
    CHECK(verification.has_anchors);
    CHECK(verification.n_anchors == 1);
}

TEST_CASE("anchors: written while the ledger is open, told and counted", "[billing]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds{1};
    std::vector<AnchorNote> notes;
    Options options = ledger.options();
    options.on_anchor = [&](const AnchorNote& note) { notes.push_back(note); };
    auto billing = must(Billing::open(options));
    must(billing->create_account("alice"));
    while (billing->counters().anchor.entry == 0)  // the writer wakes by itself
        std::this_thread::yield();
    CHECK(billing->counters().n_anchors_failed == 0);
    CHECK(billing->counters().anchor.head.size() == 64);
    CHECK(bad(ledger) == "");
    must(billing->add_credit("alice", kUsd));
    billing.reset();
    REQUIRE(notes.size() == 2);
    CHECK(notes[0].entry == 1);
    CHECK(notes[1].entry == 2);
    CHECK(notes[1].head == must(verify(ledger.path())).head);
}

TEST_CASE("anchors: a start with them comes to what a start from all entries comes to",
          "[billing]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds{0};
    const Filled callers = fill(ledger);
    ledger.reserve(callers.alice, kCent);  // left open
    ledger.settle(ledger.reserve(callers.alice, kCent), {7, 0, 0, 0, 0});
    const bool with_anchors = GENERATE(true, false);
    ledger.close();
    if (!with_anchors) fs::remove(ledger.anchors());
    Billing& billing = ledger.open();
    CHECK(billing.counters().n_reservations_open == 0);
    const Balance balance = must(billing.balance("alice"));
    CHECK(balance == Balance{kUsd, {}, {10 + 11 + 12 + 13 + 14 + 7}});
    CHECK(must(billing.balance("bob")) == Balance{kUsd, {}, {}});
    const std::vector<KeyInfo> keys = billing.keys();
    REQUIRE(keys.size() == 2);
    CHECK(keys[0].enabled);
    CHECK(keys[0].created_at > UnixMillis{0});
    CHECK(!keys[1].enabled);
    CHECK(billing.create_account("alice").error().code == Errc::name_taken);
    // Known names and prices are not written again.
    const int64_t n_names = ledger.query("SELECT count(*) FROM names");
    ledger.settle(ledger.reserve(callers.alice, kCent), {1, 0, 0, 0, 0});
    CHECK(ledger.query("SELECT count(*) FROM names") == n_names);
    CHECK(ledger.query("SELECT count(*) FROM prices") == 1);
    ledger.close();
    CHECK(bad(ledger) == "");
    CHECK(n_lines(ledger.anchors()) > 0);
}

TEST_CASE("anchors: entries cut off at the end are seen by verify and by the next start",
          "[billing]") {
    LedgerFixture ledger;
    fill(ledger);
    ledger.close();
    const int64_t n_entries = ledger.query("SELECT count(*) FROM entries");
    ledger.tamper(kCutTwo);
    CHECK_THAT(bad(ledger),
               Catch::StartsWith("the ledger ends at entry " + std::to_string(n_entries - 2) +
                                 ", its anchors reach entry " + std::to_string(n_entries)));
    check_refused(ledger, "the ledger ends before it");
    fs::remove(ledger.anchors());
    CHECK(bad(ledger) == "");
    ledger.open();
    ledger.close();
    CHECK(must(verify(ledger.path())).n_anchors == 1);
}

TEST_CASE("anchors: an older copy of the ledger, and one that is gone, are refused", "[billing]") {
    LedgerFixture ledger;
    const Filled callers = fill(ledger);
    ledger.close();
    const fs::path copy = ledger.path().string() + ".copy";
    fs::copy_file(ledger.path(), copy);
    ledger.open();
    ledger.settle(ledger.reserve(callers.alice, kCent), {1, 0, 0, 0, 0});
    ledger.close();
    fs::copy_file(copy, ledger.path(), fs::copy_options::overwrite_existing);
    CHECK_THAT(bad(ledger), Catch::Contains("an older copy of the ledger was put back"));
    check_refused(ledger, "older copy");
    fs::remove(ledger.path());
    check_refused(ledger, "is missing or empty");
    CHECK(!fs::exists(ledger.path()));
}

TEST_CASE("anchors: those of another ledger are named", "[billing]") {
    LedgerFixture ledger, other;
    fill(ledger, 3);
    fill(other, 3);
    ledger.close();
    other.close();
    fs::copy_file(other.anchors(), ledger.anchors(), fs::copy_options::overwrite_existing);
    CHECK_THAT(bad(ledger), Catch::StartsWith(ledger.anchors().string() + ", line 1: entry "));
    CHECK_THAT(bad(ledger), Catch::Contains("of another ledger"));
    check_refused(ledger, "of another ledger");
}

TEST_CASE("anchors: an edited line is named and refused", "[billing]") {
    LedgerFixture ledger;
    fill(ledger);
    ledger.close();
    std::fstream file(ledger.anchors(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(30);
    file.put('x');
    file.close();
    CHECK_THAT(bad(ledger), Catch::StartsWith(ledger.anchors().string() + ", line 1: its check"));
    check_refused(ledger, "its check is wrong");
}

// Who can write the file can also make its checks right: the entries tell.
TEST_CASE("anchors: any figure that the entries do not give is named", "[billing]") {
    LedgerFixture ledger;
    const Filled callers = fill(ledger);
    ledger.reserve(callers.alice, kCent);
    ledger.anchor_interval = std::chrono::milliseconds{0};
    ledger.open();  // releases it
    const Hold open = ledger.reserve(callers.alice, kCent);
    // Copied as a crash would leave them: the anchor knows an open hold.
    const fs::path anchors = ledger.anchors().string() + ".copy";
    const int64_t n_entries = ledger.query("SELECT max(seq) FROM entries");
    while (ledger.billing().counters().anchor.entry != n_entries) std::this_thread::yield();
    fs::copy_file(ledger.anchors(), anchors);
    ledger.close();
    Standing standing = must(read_last_anchor(anchors))->standing;
    REQUIRE(standing.oldest_open == open.request);
    std::string complaint;
    std::string refusal;
    SECTION("funds") {
        standing.accounts.at(1).funds += NanoUsd{1};
        complaint = "account 1 has funds 1.00, ";
    }
    SECTION("spent") {
        standing.accounts.at(1).spent -= NanoUsd{1};
        complaint = "account 1 has funds 1.00, ";
    }
    SECTION("reserved") {
        standing.accounts.at(1).reserved -= NanoUsd{1};
        complaint = "account 1 has funds 1.00, ";
        refusal = "its holds are not those of the entries";
    }
    SECTION("an account too many") {
        standing.accounts[3] = {};
        complaint = "there is no account 3";
        refusal = "account 3 is missing";
    }
    SECTION("an account left out") {
        standing.accounts.erase(2);
        complaint = "account 2 is left out";
    }
    SECTION("a key that is on again") {
        standing.keys.at(2).enabled = true;
        complaint = "key 2 is another";
    }
    SECTION("a key left out") {
        standing.keys.erase(1);
        complaint = "key 1 is left out";
    }
    SECTION("another open hold") {
        standing.oldest_open = {1};
        complaint = "the oldest open hold at";
        refusal = "its holds are not those of the entries";
    }
    SECTION("no open hold") {
        standing.oldest_open = {};
        complaint = "the oldest open hold at";
        refusal = "its holds are not those of the entries";
    }
    SECTION("another request") {
        standing.last_request = {1'000};
        complaint = "the last request at";
    }
    SECTION("another instant") {
        standing.at.ms += 1;
        complaint = "the instant of entry";
        refusal = "another entry there";
    }
    SECTION("another hash") {
        standing.head.hash[5] ^= 1;
        complaint = "its anchor says";
        refusal = "another entry there";
    }
    fs::remove(ledger.anchors());
    must(AnchorFile(ledger.anchors(), {}).append({true, standing}));
    CHECK_THAT(bad(ledger), Catch::StartsWith(ledger.anchors().string() + ", line 1: "));
    CHECK_THAT(bad(ledger), Catch::Contains(complaint));
    if (!refusal.empty()) check_refused(ledger, refusal);
}

TEST_CASE("anchors: what changed since the last one may not be left out", "[billing]") {
    LedgerFixture ledger;
    const Filled callers = fill(ledger);
    ledger.close();
    ledger.open();
    ledger.settle(ledger.reserve(callers.alice, kCent), {1, 0, 0, 0, 0});
    ledger.close();
    REQUIRE(n_lines(ledger.anchors()) == 2);
    auto reader = must(AnchorReader::open(ledger.anchors()));
    const Anchor first = *must(reader->next());
    Anchor second = *must(reader->next());
    REQUIRE(second.standing.accounts.size() == 1);
    second.standing.accounts.clear();
    fs::remove(ledger.anchors());
    AnchorFile forged(ledger.anchors(), {});
    must(forged.append(first));
    must(forged.append(second));
    CHECK_THAT(bad(ledger), Catch::Contains("line 2: account 1 is left out"));
}

TEST_CASE("anchors: an account that came back to the same balance need not be named again",
          "[billing]") {
    LedgerFixture ledger;
    const Filled callers = fill(ledger);
    ledger.close();
    ledger.open();
    ledger.reserve(callers.bob, kCent);
    const auto copy = [&](const char* suffix) {
        fs::copy_file(ledger.anchors(), ledger.anchors().string() + suffix,
                      fs::copy_options::overwrite_existing);
    };
    copy(".before");
    ledger.close();
    fs::copy_file(ledger.anchors().string() + ".before", ledger.anchors(),
                  fs::copy_options::overwrite_existing);
    ledger.open();  // as behind a crash: the hold is released, bob has what he had
    ledger.close();
    CHECK(n_lines(ledger.anchors()) == 2);
    CHECK(bad(ledger) == "");
}

TEST_CASE("anchors: that they cannot be written is told, and the ledger goes on", "[billing]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds{0};
    Billing& billing = ledger.open();
    fs::create_directory(ledger.anchors());
    const Caller caller = ledger.make_caller("alice", kUsd);
    while (billing.counters().n_anchors_failed == 0) std::this_thread::yield();
    CHECK(ledger.settle(ledger.reserve(caller, kCent), {5, 0, 0, 0, 0}) == NanoUsd{5});
    CHECK(billing.counters().anchor.entry == 0);
    CHECK(billing.counters().available);
    fs::remove(ledger.anchors());
    ledger.close();  // tried again at stop
    CHECK(bad(ledger) == "");
    CHECK(must(verify(ledger.path())).n_anchors == 1);
}
