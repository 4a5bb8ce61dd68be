#include "tests/billing/days.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "billing/ledger_file.h"

namespace billing::test {
namespace {

Digest pepper_check_of(const std::filesystem::path& ledger) {
    auto database = must(Database::open(ledger, Database::Mode::read_only));
    return must(read_pepper_check(database));
}

}  // namespace

Days::Days(uint32_t seed, std::chrono::milliseconds anchor_interval) : random_(seed) {
    ledger.anchor_interval = anchor_interval;
    Billing& billing = ledger.open();
    const Caller callers[] = {ledger.make_caller("alice", NanoUsd{kUsd.n * 1'000}),
                              ledger.make_caller("bob", NanoUsd{kUsd.n * 1'000})};
    std::vector<Hold> open;
    std::vector<RequestId> charged;
    for (int i = 0; i < 400; ++i) {
        end.ms += pick(1'200'000);
        static Waiter unheard;
        const char* const route = pick(2) == 0 ? "cheap" : "dear";
        open.push_back(must(billing.reserve({callers[pick(2)], route, kCent, end}, unheard)));
        const bool is_pause = i % 40 == 39;  // nothing is open then, and all is on disk
        while (!open.empty() && (open.size() > 12 || is_pause || pick(2) == 0)) {
            std::swap(open[static_cast<size_t>(pick(static_cast<int>(open.size())))], open.back());
            finish(billing, open.back(), charged);
            open.pop_back();
        }
        if (is_pause) {
            must(billing.add_credit("bob", NanoUsd{1}));
            charged.clear();  // nor is anything refunded later of what is charged by then
        }
        if (!charged.empty() && pick(20) == 0) {
            must(billing.add_credit("alice", NanoUsd{1}));  // what is refunded must be on disk
            must(billing.refund({charged.back(), NanoUsd{1}, std::to_string(i), "test"}));
            charged.pop_back();
        }
    }
    ledger.close();
}

void Days::roll_up(int64_t n_entries, int64_t n_rollups) {
    auto file = must(LedgerFile::open(ledger.path(), pepper_check_of(ledger.path())));
    const int64_t n = must(file->read_head()).seq;
    for (; n_rollups > 0; --n_rollups) {
        const RollupEnd last = must(rollups_end(file->database()));
        if (last.end > n) break;
        const SeqRange range{last.end, std::min(n + 1, last.end + n_entries)};
        const Rollup rollup = must(make_rollup(file->database(), range, last.open_from));
        REQUIRE(file->begin());
        REQUIRE(file->rollups().put(rollup));
        REQUIRE(file->commit());
    }
}

void Days::finish(Billing& billing, const Hold& hold, std::vector<RequestId>& charged) {
    end.ms += pick(400'000);
    if (pick(5) == 0) {
        billing.release(hold, Outcome::rate_limit, end, nullptr);
        return;
    }
    const AppliedPrice price = plain_price();
    AttemptRecord attempt;
    attempt.endpoint = pick(2) == 0 ? "endpoint-a" : "endpoint-b";
    attempt.model = "model-a";
    attempt.price = &price;
    attempt.started = attempt.ended = end;
    attempt.tokens = {pick(50), 0, 0, pick(9), 0};
    if (pick(2) == 0) {
        attempt.source = CountSource::upstream;
        attempt.upstream_tokens = TokenCounts{pick(50), 1, 0, pick(9), 2};
    }
    const AttemptRecord attempts[] = {attempt, attempt};
    Settlement done = settlement(price, {1 + pick(50), pick(3), 0, pick(9), 1}, end);
    done.endpoint = attempt.endpoint;
    done.outcome = pick(9) == 0 ? Outcome::length : Outcome::ok;
    done.attempts = attempts;
    billing.settle(hold, done, nullptr);
    charged.push_back(hold.request);
}

std::vector<std::string> text_of(const std::vector<ReportRow>& rows) {
    std::vector<std::string> lines;
    for (const ReportRow& row : rows) {
        std::string line;
        for (const std::string& by : row.by) line += by + " ";
        for (const int64_t n :
             {row.n_requests, row.tokens.input_uncached, row.tokens.cache_read,
              row.tokens.cache_write, row.tokens.output_answer, row.tokens.output_reasoning,
              row.usd.n, row.refunded_usd.n, row.operator_usd.n, row.n_open, row.held_usd.n,
              row.counted_input, row.upstream_input, row.counted_output, row.upstream_output}) {
            line += std::to_string(n) + " ";
        }
        lines.push_back(line);
    }
    return lines;
}

// Of every zone and grouping, over spans that begin and end anywhere.
std::vector<ReportQuery> queries_of(Days& days) {
    std::vector<ReportQuery> queries;
    const char* const zones[] = {"UTC", "Asia/Singapore", "Asia/Kolkata", "America/Bogota",
                                 "Australia/Lord_Howe"};
    const std::vector<std::vector<std::string>> groupings = {
        {},       {"day"},   {"hour"},  {"account"}, {"key"},
        {"name"}, {"route"}, {"model"}, {"outcome"}, {"day", "account", "endpoint"}};
    for (int i = 0; i < 60; ++i) {
        ReportQuery query;
        query.time_zone = zones[i % 5];
        query.by = groupings[static_cast<size_t>(i) % groupings.size()];
        if (i % 4 == 1) query.account = "alice";
        const int64_t length = days.end.ms - kSpring.ms;
        const auto moment = [&] {
            const int64_t ms = kSpring.ms + length * days.pick(1'000) / 1'000;
            return UnixMillis{days.pick(3) == 0 ? ms / kQuarterMs * kQuarterMs : ms};
        };
        if (i % 3 != 0) query.from = moment();
        if (i % 2 == 0) query.to = moment();
        if (query.from && query.to && *query.to < *query.from) std::swap(query.from, query.to);
        if (i % 12 == 2 && query.from) query.to = UnixMillis{query.from->ms + days.pick(600'000)};
        queries.push_back(query);
    }
    return queries;
}

}  // namespace billing::test
