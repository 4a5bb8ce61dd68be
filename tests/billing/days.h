#pragma once
// Three days of a ledger's life, and the questions that reports may ask about them.
#include <random>

#include "billing/rollup.h"
#include "tests/billing/fixture.h"

namespace billing::test {

// Later than the clock that administration reads, at no quarter of an hour.
inline const UnixMillis kSpring = *config::parse_rfc3339("2036-03-01T00:07:13Z");

// Requests of every kind that a report counts: attempts, refunds, releases, long ones, open ones.
class Days {
public:
    // The ledger is closed; what was open then is ended when it opens again.
    explicit Days(uint32_t seed, std::chrono::milliseconds anchor_interval = std::chrono::hours(1));

    // As the builder does it, so many entries at a time, up to the end.
    void roll_up(int64_t n_entries, int64_t n_rollups);

    int pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

    LedgerFixture ledger;
    UnixMillis end = kSpring;

private:
    void finish(Billing& billing, const Hold& hold, std::vector<RequestId>& charged);

    std::mt19937 random_;
};

// Every figure of each row.
std::vector<std::string> text_of(const std::vector<ReportRow>& rows);

// Of every zone and grouping, over spans that begin and end anywhere.
std::vector<ReportQuery> queries_of(Days& days);

}  // namespace billing::test
