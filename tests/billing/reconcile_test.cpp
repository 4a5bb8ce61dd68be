// Bills against the attempts: what was changed is found, all of it and nothing else.
#include "billing/reconcile.h"

#include <catch2/catch.hpp>
#include <random>

#include "tests/billing/fixture.h"
#include "tests/support/sanitized.h"

using namespace billing;
using namespace billing::test;

namespace {

constexpr int64_t kDayMs = 86'400'000;
const AppliedPrice kPrice = price_of("p", {1'000'000, 100'000, 1'250'000, 4'000'000, 4'000'000});

struct Written {
    std::string model, id;
    int64_t day = 0;
    TokenCounts tokens;
    NanoUsd cost;
};

AttemptRecord attempt_of(const Written& it, UnixMillis at) {
    AttemptRecord record;
    record.endpoint = "endpoint-a";
    record.model = it.model == "model-a" ? "model-a" : "model-b";  // borrowed
    record.price = &kPrice;
    record.started = at;
    record.ended = {at.ms + 900};
    record.source = CountSource::upstream;
    record.tokens = {1, 0, 0, 1, 0};
    record.upstream_tokens = it.tokens;
    record.upstream_request = it.id;
    return record;
}

// Requests of two models over three days from 2026-10-01, every tenth with a failed attempt that
// was billed before the good one.
struct Vendor {
    LedgerFixture ledger;
    std::vector<Written> rows;

    explicit Vendor(size_t n_requests) {
        ledger.open();
        const Caller alice = ledger.make_caller("alice", NanoUsd{1'000'000 * kUsd.n});
        std::mt19937 random(1);
        std::vector<Waiter> held(n_requests), told(n_requests);
        for (size_t i = 0; i < n_requests; ++i) {
            const UnixMillis at{kStart.ms + static_cast<int64_t>(i) * 3 * kDayMs /
                                                static_cast<int64_t>(n_requests)};
            std::vector<AttemptRecord> attempts;
            for (int n = i % 10 == 0 ? 2 : 1; n > 0; --n) {
                const auto count = [&](uint32_t max) {
                    return static_cast<int64_t>(random() % max);
                };
                Written row{
                    count(2) == 0 ? "model-a" : "model-b",
                    "req-" + std::to_string(rows.size()),
                    (at.ms - kStart.ms) / kDayMs,
                    {1 + count(5'000), count(3'000), count(100), 1 + count(900), count(400)},
                    {}};
                row.cost = cost(row);
                rows.push_back(row);
                attempts.push_back(attempt_of(row, at));
                if (n == 2) attempts.back().outcome = AttemptOutcome::cut;
            }
            const Hold hold = must(ledger.billing().reserve({alice, "r", kUsd, at}, held[i]));
            Settlement done = settlement(kPrice, rows.back().tokens, at);
            done.attempts = attempts;
            ledger.billing().settle(hold, done, &told[i]);
            if (i % 200 == 199) told[i].wait();
        }
        for (Waiter& each : told) each.wait();
    }

    static NanoUsd cost(const Written& row) {
        const TokenCounts& t = row.tokens;
        return {t.input_uncached * 1'000 + t.cache_read * 100 + t.cache_write * 1'250 +
                (t.output_answer + t.output_reasoning) * 4'000};
    }

    std::string bill() const {
        std::string out =
            "time,model,request_id,requests,input_uncached_tokens,cache_read_tokens,"
            "cache_write_tokens,output_tokens,usd\n";
        for (const Written& row : rows) {
            const TokenCounts& t = row.tokens;
            out += "2026-10-0" + std::to_string(1 + row.day) + "," + row.model + "," + row.id +
                   ",1," + std::to_string(t.input_uncached) + "," + std::to_string(t.cache_read) +
                   "," + std::to_string(t.cache_write) + "," +
                   std::to_string(t.output_answer + t.output_reasoning) + "," +
                   config::to_string(row.cost) + "\n";
        }
        return out;
    }

    Reconciliation reconcile(const std::string& text, ReconcileQuery query = {},
                             const BillReading& reading = {}) const {
        if (query.endpoints.empty()) query.endpoints = {"endpoint-a"};
        return must(billing::reconcile(ledger.path(), must(read_bill(text, reading)), query));
    }
};

// Only so many columns of a bill.
std::string without_ids(const std::string& bill) {
    std::string out;
    size_t at = 0;
    for (size_t end; (end = bill.find('\n', at)) != bill.npos; at = end + 1) {
        const std::string line = bill.substr(at, end - at);
        const size_t second = line.find(',', line.find(',') + 1);
        out += line.substr(0, second) + line.substr(line.find(',', second + 1)) + "\n";
    }
    return out;
}

}  // namespace

TEST_CASE("reconcile: a true bill agrees, by request and by day", "[billing]") {
    const Vendor vendor(300);
    const Reconciliation found = vendor.reconcile(vendor.bill());
    CHECK(found.agrees);
    CHECK(found.requests.empty());
    REQUIRE(found.groups.size() == 6);
    int64_t n_attempts = 0, n_failed = 0;
    for (const Comparison& group : found.groups) {
        CHECK(group.bill[figure_index(BillColumn::usd)] > 0);
        n_attempts += group.n_attempts;
        n_failed += group.n_failed;
    }
    CHECK(n_attempts == 330);
    CHECK(n_failed == 30);
    CHECK(vendor.reconcile(without_ids(vendor.bill())).agrees);
    // Failed attempts are part of it: without them the bill is too high.
    CHECK(found.groups[0].day == kStart.ms / kDayMs);
}

TEST_CASE("reconcile: every seeded difference in 10,000 rows is found, and no other", "[billing]") {
    Vendor vendor(support::kSanitized ? 1'000 : 9'091);
    REQUIRE((support::kSanitized || vendor.rows.size() > 10'000));
    const std::vector<Written> truth = vendor.rows;
    std::mt19937 random(2);
    std::map<std::string, int> seeded;  // id -> kind
    std::vector<Written> more;
    for (int i = 0; i < 100; ++i) {
        const size_t at = random() % truth.size();
        if (seeded.contains(truth[at].id)) continue;
        const int kind = i % 6;
        Written& row = vendor.rows[at];
        seeded[kind == 3 ? "foreign-" + std::to_string(i) : row.id] = kind;
        if (kind == 0) row.cost.n += 1'000;
        if (kind == 1) row.tokens.cache_read += 1;
        if (kind == 2) row.id.clear();  // taken out below
        if (kind == 3)
            more.push_back(
                {row.model, "foreign-" + std::to_string(i), row.day, row.tokens, row.cost});
        if (kind == 4) more.push_back(row);
        if (kind == 5) row.tokens.output_answer -= 1;
    }
    std::erase_if(vendor.rows, [](const Written& row) { return row.id.empty(); });
    vendor.rows.insert(vendor.rows.end(), more.begin(), more.end());
    const std::string bill = vendor.bill();
    const Reconciliation found = vendor.reconcile(bill);
    CHECK_FALSE(found.agrees);
    CHECK(found.requests.size() == seeded.size());
    for (const Comparison& request : found.requests) {
        CAPTURE(request.request_id);
        const auto at = seeded.find(request.request_id);
        REQUIRE(at != seeded.end());
        CHECK(request.is_unbilled() == (at->second == 2));
        CHECK(request.is_unknown() == (at->second == 3));
        CHECK(request.is_billed_twice() == (at->second == 4));
    }

    // Without ids: the days and models that they fall into, with all their lines.
    const Reconciliation by_day = vendor.reconcile(without_ids(bill));
    CHECK_FALSE(by_day.agrees);
    for (const Comparison& group : by_day.groups) CHECK(group.differs);
}

TEST_CASE("reconcile: one seeded row spoils its own day and model only", "[billing]") {
    Vendor vendor(200);
    vendor.rows[50].cost.n += 1;
    const Reconciliation found = vendor.reconcile(without_ids(vendor.bill()));
    for (const Comparison& group : found.groups) {
        const bool is_it = group.day == kStart.ms / kDayMs + vendor.rows[50].day &&
                           group.model == vendor.rows[50].model;
        // One nano-dollar of many attempts is within what their rounding may come to.
        CHECK_FALSE(group.differs);
        if (!is_it) continue;
        ReconcileQuery query;
        vendor.rows[50].cost.n += 1'000'000;
        const std::string text = without_ids(vendor.bill());
        const Reconciliation spoilt = vendor.reconcile(text);
        int n_differ = 0;
        for (const Comparison& each : spoilt.groups) n_differ += each.differs ? 1 : 0;
        CHECK(n_differ == 1);
        query.tolerance_usd = NanoUsd{1'000'001};
        CHECK(vendor.reconcile(text, query).agrees);
        query.tolerance_usd = NanoUsd{0};
        query.tolerance_ppm = 100'000;
        CHECK(vendor.reconcile(text, query).agrees);
    }
}

TEST_CASE("reconcile: attempts of other endpoints, days and names", "[billing]") {
    Vendor vendor(50);
    ReconcileQuery query;
    query.endpoints = {"endpoint-b"};
    const Reconciliation other = vendor.reconcile(vendor.bill(), query);
    CHECK(other.requests.size() == vendor.rows.size());
    CHECK(other.requests[0].is_unknown());

    query.endpoints = {"endpoint-a"};
    query.to = kStart.ms / kDayMs + 1;
    CHECK(vendor.reconcile(vendor.bill(), query).groups.size() == 2);

    for (Written& row : vendor.rows) row.model += "-2026-04-23";
    BillReading reading;
    reading.models = {{"model-a-2026-04-23", "model-a"}, {"model-b-2026-04-23", "model-b"}};
    CHECK_FALSE(vendor.reconcile(without_ids(vendor.bill())).agrees);
    CHECK(vendor.reconcile(without_ids(vendor.bill()), {}, reading).agrees);
}
