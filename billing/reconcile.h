#pragma once
// A vendor's bill held to the attempts in the ledger, failed ones included: by the request ids
// where the bill has them, and by day and model.
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "billing/bill.h"

namespace billing {

struct ReconcileQuery {
    // Days, half open; default: from the bill's first to its last. At the bill's offset from UTC.
    std::optional<int64_t> from, to;
    std::set<std::string> endpoints;  // only attempts at these
    // What may differ, in each figure: so many millionths of the larger one, and so much money.
    // Besides, half a nano-dollar an attempt: what rounding each of them costs.
    int64_t tolerance_ppm = 0;
    NanoUsd tolerance_usd;
};

struct BilledAttempt {
    RequestId request;
    int64_t n = 0;  // the nth of its request
};

// One day and model, or one request id, on both sides.
struct Comparison {
    int64_t day = 0;
    std::string model;
    std::string request_id;               // empty: of a day and model
    BillFigures bill{}, ledger{};         // in the bill's figures; the ledger has all of them
    std::vector<int64_t> lines;           // of the bill
    std::vector<BilledAttempt> attempts;  // of a request id; of a day and model only n_attempts
    int64_t n_attempts = 0, n_failed = 0;
    bool differs = false;
    // Why, of a request id: more lines than one, none, or no attempt.
    bool is_billed_twice() const { return !request_id.empty() && lines.size() > 1; }
    bool is_unknown() const { return attempts.empty(); }
    bool is_unbilled() const { return lines.empty(); }
};

struct Reconciliation {
    std::string profile;
    std::set<BillColumn> states;
    int64_t from = 0, to = 0;  // days, half open
    int64_t offset_s = 0;
    std::vector<Comparison> groups;    // all days and models of either side, in order
    std::vector<Comparison> requests;  // by request id: those that differ
    // Attempts with usage that have no id of the vendor's to look for in a bill of ids.
    std::vector<BilledAttempt> without_id;
    bool agrees = true;
};

// Reads the ledger by a read-only connection: a server may be running. Errors: query_invalid,
// ledger_unavailable, ledger_broken.
Result<Reconciliation> reconcile(const std::filesystem::path& ledger, const Bill& bill,
                                 const ReconcileQuery& query);

}  // namespace billing
