#pragma once
// What an account, with all below it, used and paid in a month: all figures of one instant of the
// ledger. The account and those below it are found by their names of today; their history under
// older names is theirs.
#include <filesystem>
#include <string>
#include <vector>

#include "billing/report.h"

namespace billing {

struct Movement {
    enum class Kind : uint8_t { credit, debit, refund };
    UnixMillis at;
    Kind kind = Kind::credit;
    std::string account;  // its path today
    NanoUsd amount;       // above zero
    std::string ref;      // empty: none was given
};

struct AccountStatement {
    std::string account, payer;  // paths; the payer's wallet pays for the account
    std::string month, time_zone;
    UnixMillis from, to;  // half open
    int64_t n_entries = 0;
    std::string head;  // hex of the last entry's hash: the instant that all this is of
    // Of the account's own wallet, if it has one: what was left at the beginning and the end.
    // Requests count by the instant of their RESERVE.
    std::optional<NanoUsd> opening, closing;
    std::vector<Movement> movements;  // of wallets in it
    ReportRow total;
    std::vector<ReportRow> by_day, by_model, by_key;  // by_key: path, key, its name
};

// `month`: "2026-10", by the clock of `time_zone`. Errors: account_unknown, query_invalid,
// time_zone_unknown, ledger_broken, ledger_unavailable.
Result<AccountStatement> account_statement(const std::filesystem::path& ledger,
                                           const std::string& account, const std::string& month,
                                           const std::string& time_zone);

}  // namespace billing
