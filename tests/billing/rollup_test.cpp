#include "billing/rollup.h"

#include <catch2/catch.hpp>
#include <future>
#include <limits>
#include <random>
#include <thread>

#include "billing/rollup_builder.h"
#include "tests/billing/days.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

TEST_CASE("roll-ups: a report is the same with none, some and all", "[billing]") {
    for (const uint32_t seed : {1u, 2u, 3u}) {
        Days days(seed);
        const auto queries = queries_of(days);
        std::vector<std::vector<std::string>> without;
        for (const ReportQuery& query : queries)
            without.push_back(text_of(must(report(days.ledger.path(), query))));
        REQUIRE(must(report(days.ledger.path(), {}))[0].refunded_usd.n > 0);
        for (const auto& [n_entries, n_rollups] :
             {std::pair<int64_t, int64_t>{37, 1}, {101, 4}, {10, 20}, {100'000, 1}}) {
            days.roll_up(n_entries, n_rollups);
            for (size_t i = 0; i < queries.size(); ++i) {
                INFO("seed " << seed << " query " << i << " rolled up "
                             << days.ledger.query("SELECT max(end_seq) FROM rollups"));
                CHECK(text_of(must(report(days.ledger.path(), queries[i]))) == without[i]);
            }
            const Verification found = must(verify(days.ledger.path()));
            CHECK(found.first_bad.empty());
            CHECK(found.n_rollups == days.ledger.query("SELECT count(*) FROM rollups"));
        }
        CHECK(days.ledger.query("SELECT max(end_seq) FROM rollups") ==
              days.ledger.query("SELECT max(seq) + 1 FROM entries"));
    }
}

TEST_CASE("roll-ups: one that was changed, taken out or put in is named", "[billing]") {
    Days days(4);
    days.roll_up(150, 3);
    const std::string unprotect =
        "DROP TRIGGER rollups_no_UPDATE; DROP TRIGGER rollups_no_DELETE; ";
    const auto bytes_of = [&](const std::filesystem::path& path) {
        std::filesystem::copy_file(days.ledger.path(), path);
    };
    const std::filesystem::path sound = days.ledger.path().string() + ".sound";
    bytes_of(sound);
    for (const char* change :
         {"UPDATE rollups SET first_seq = 2 WHERE id = 1",
          "UPDATE rollups SET end_seq = 150 WHERE id = 1",
          "UPDATE rollups SET end_seq = 100000 WHERE id = 3",
          "UPDATE rollups SET open_from = open_from + 1 WHERE id = 2",
          "UPDATE rollups SET first_quarter = first_quarter - 1 WHERE id = 2",
          "UPDATE rollups SET last_quarter = last_quarter + 1 WHERE id = 2",
          "UPDATE rollups SET cells = x'' WHERE id = 2",
          "UPDATE rollups SET cells = CAST(cells || x'00' AS BLOB) WHERE id = 3",
          "UPDATE rollups SET id = 9 WHERE id = 1", "DELETE FROM rollups WHERE id = 2",
          "INSERT INTO rollups SELECT 4, first_seq, end_seq, open_from, first_quarter, "
          "last_quarter, cells FROM rollups WHERE id = 3"}) {
        INFO(change);
        std::filesystem::remove(days.ledger.path());
        std::filesystem::copy_file(sound, days.ledger.path());
        days.ledger.tamper(unprotect + change);
        const Verification found = must(verify(days.ledger.path()));
        CHECK_THAT(found.first_bad, Catch::Matchers::StartsWith("roll-up "));
    }
}

TEST_CASE("roll-ups: cells come back as they went in, and bytes that are none are refused",
          "[billing]") {
    std::mt19937_64 random(5);
    const auto number = [&] { return static_cast<int64_t>(random() >> (1 + random() % 63)); };
    RollupCells cells;
    std::map<std::pair<int64_t, UsageKey>, Figures> expected;
    for (int i = 0; i < 500; ++i) {
        UsageRow row;
        row.at = {kSpring.ms + static_cast<int64_t>(random() % 10) * kQuarterMs};
        row.key = {number() % 9, number(), number(), number(), number(), number(), 2};
        for (size_t figure = 0; figure < kFigureCount; ++figure)
            if (random() % 2 == 0) row.figures[static_cast<Figure>(figure)] = number() / 4;
        REQUIRE(cells.add(row));
        REQUIRE(expected[{quarter_of(row.at), row.key}].add(row.figures));
    }
    const auto bytes = cells.encode();
    std::map<std::pair<int64_t, UsageKey>, Figures> found;
    CHECK(RollupCells::decode(bytes, [&](const RollupCells::Cell& cell) {
        return found.emplace(std::pair{cell.quarter, cell.key}, cell.figures).second;
    }));
    CHECK(found == expected);

    size_t n_visited = 0;
    const auto count = [&](const RollupCells::Cell&) {
        ++n_visited;
        return true;
    };
    size_t n_refused = 0;
    for (size_t n = 0; n < 2'000; ++n)
        if (!RollupCells::decode(std::span(bytes).first(n), count)) ++n_refused;
    CHECK(n_refused > 1'900);           // all but ends of cells
    for (int i = 0; i < 20'000; ++i) {  // any bytes: no report of asan and ubsan
        std::array<unsigned char, 40> noise;
        for (unsigned char& byte : noise) byte = static_cast<unsigned char>(random());
        (void)RollupCells::decode(noise, count);
    }
    CHECK(n_visited > 0);

    RollupCells full;
    UsageRow row;
    row.figures[Figure::usd] = std::numeric_limits<int64_t>::max();
    CHECK(full.add(row));
    CHECK(!full.add(row));
}

TEST_CASE("roll-ups: made by themselves while the ledger is open", "[billing][threads]") {
    LedgerFixture ledger;
    ledger.rollup_pace = {std::chrono::milliseconds(1), 50};
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    for (int i = 0; i < 200; ++i)
        ledger.settle(ledger.reserve(caller, kCent, kSpring), {7, 0, 0, 0, 0}, kSpring);
    while (ledger.query("SELECT coalesce(max(end_seq), 0) FROM rollups") < 350)
        std::this_thread::yield();
    ledger.close();
    CHECK(must(report(ledger.path(), {}))[0].n_requests == 200);
    const Verification found = must(verify(ledger.path()));
    CHECK(found.first_bad.empty());
    CHECK(found.n_rollups >= 7);
}

TEST_CASE("roll-ups: few entries wait until their quarter hour is over", "[billing][threads]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.make_caller("alice", kUsd);
    ledger.close();
    std::promise<Rollup> made;
    bool is_made = false;
    const auto store = [&](Rollup rollup) {
        if (!std::exchange(is_made, true)) made.set_value(std::move(rollup));
        return false;
    };
    const RollupPace pace{std::chrono::milliseconds(1), 100'000};
    ledger.tamper("DROP TRIGGER entries_no_UPDATE; UPDATE entries SET at = at + 3600000");
    { const RollupBuilder idle(ledger.path(), pace, store, {}); }
    ledger.tamper("UPDATE entries SET at = at - 7200000");
    std::optional<RollupBuilder> builder(std::in_place, ledger.path(), pace, store, nullptr);
    const Rollup rollup = made.get_future().get();
    builder.reset();
    CHECK(rollup.range == SeqRange{1, ledger.query("SELECT max(seq) + 1 FROM entries")});
    CHECK(rollup.cells.empty());
}

TEST_CASE("roll-ups: what keeps them from being made is told", "[billing][threads]") {
    LedgerFixture ledger;
    std::promise<Error> told;
    std::optional<RollupBuilder> builder(
        std::in_place, ledger.path(), RollupPace{std::chrono::milliseconds(1)},
        [](const Rollup&) { return false; },
        [&, is_first = true](const Error& error) mutable {
            if (std::exchange(is_first, false)) told.set_value(error);
        });
    CHECK(told.get_future().get().code == Errc::ledger_unavailable);
    builder.reset();
}
