#pragma once
// Usage and money, summed from the ledger file by a read-only connection: a server may be running.
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "billing/error.h"
#include "billing/types.h"

namespace billing {

struct ReportQuery {
    std::optional<UnixMillis> from, to;  // half open; requests by their RESERVE instant
    std::string time_zone = "UTC";       // IANA name; decides the columns day and hour
    std::string account;  // only requests of this path and of those below it, as written then
    std::set<int64_t> accounts;  // only requests of these, however they were named; empty: all
    // account, key, route, endpoint, model, outcome, day, hour; name (of the key), label:NAME (what
    // its labels or the account's say)
    std::vector<std::string> by;
};

struct ReportRow {
    std::vector<std::string> by;  // in the query's order
    int64_t n_requests = 0;       // with a terminal entry, where they ended
    TokenCounts tokens;
    NanoUsd usd;           // charged
    NanoUsd refunded_usd;  // given back; counts when it was, not when its request was
    // What the attempts of the requests cost, failed ones included; by endpoint and model, each
    // counts where it was made. Requests of ledgers before schema version 2 have none.
    NanoUsd operator_usd;
    // Requests that were reserved and have not ended; their outcome is "open".
    int64_t n_open = 0;
    NanoUsd held_usd;
    // Over the attempts whose upstream said its counts: ours, and its own. How far apart they are
    // is how far a count of ours may be trusted where an upstream says none.
    int64_t counted_input = 0, upstream_input = 0;
    int64_t counted_output = 0, upstream_output = 0;
    NanoUsd margin() const { return usd - refunded_usd - operator_usd; }
};

// "2026-10-01" (midnight in `time_zone`) or RFC 3339. Errors: query_invalid, time_zone_unknown.
Result<UnixMillis> parse_report_time(const std::string& text, const std::string& time_zone);

// Ordered by the columns of `by`. Where entries were cut away, whole quarter hours of UTC can still
// be asked for. Errors: query_invalid, for other spans there too; time_zone_unknown, ledger_broken.
Result<std::vector<ReportRow>> report(const std::filesystem::path& ledger,
                                      const ReportQuery& query);

class Database;
// The same inside a read transaction of the caller's, who has checked the schema.
Result<std::vector<ReportRow>> report(Database& database, const ReportQuery& query);

// The first seq whose instant is not before `at`, of those that were not cut away; behind the last,
// if there is none.
Result<int64_t> first_seq_at(Database& database, UnixMillis at);

struct Verification {
    int64_t n_entries = 0;
    int64_t n_open_holds = 0;
    std::string head;          // hex of the last hash
    bool has_anchors = false;  // without, nothing shows that entries were cut off at the end
    int64_t n_anchors = 0;     // that agree with the entries
    int64_t n_rollups = 0;     // each the sum of its entries, or as the cut of those says
    int64_t n_cut = 0;         // entries before, cut away
    std::string archive;       // where those are; empty: none were
    // Empty: everything holds; else "entry 17: request 5: ...", the first that is wrong and how.
    std::string first_bad;
    int64_t bad_entry = 0;  // 0: none, or what is wrong is no entry
    RequestId bad_request;  // of that entry; 0: of none
};
// Recomputes the chain, every amount from its own row, one terminal entry per request, all
// balances; then the anchors in <ledger>.anchors must say the same, and each roll-up what its
// entries do. What is wrong with entries is named before what is wrong with anchors, and that
// before a roll-up.
Result<Verification> verify(const std::filesystem::path& ledger);

}  // namespace billing
