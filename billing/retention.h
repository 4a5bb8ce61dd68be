#pragma once
// Cutting away what is older than it must be kept. Only a beginning of the ledger can go, up to an
// anchor at which no hold was open, which the roll-ups cover, and of whose requests nothing was
// refunded later; and only after all of it was copied and the copy verified. What stays of the time
// before: accounts, keys and all that has a name, balances, roll-ups, and so every report of whole
// quarter hours of UTC.
#include <filesystem>
#include <string>

#include "billing/error.h"
#include "billing/types.h"

namespace billing {

struct Retention {
    UnixMillis before;              // entries of this instant and later stay
    std::filesystem::path archive;  // the copy, made as by back_up(); must not be there yet
};

struct CutReport {
    int64_t n_entries = 0, n_attempts = 0;          // that went
    int64_t last_entry = 0;                         // the last of them
    UnixMillis at;                                  // its instant
    std::string head;                               // hex of its hash
    int64_t n_kept = 0;                             // entries, that of the cut among them
    int64_t n_bytes_before = 0, n_bytes_after = 0;  // of the file
};

// Nobody may have the ledger open. The cut is one transaction: whatever happens meanwhile, the
// ledger is the one before or the one after, and the archive is whole or not there. Errors:
// query_invalid, if nothing can go or the archive is there; owned_by_other; ledger_broken, for what
// verify() names; ledger_unavailable.
Result<CutReport> cut_ledger(const std::filesystem::path& ledger, const Retention& retention);

}  // namespace billing
