#pragma once
// The tables of a ledger. Rows are added and never changed: triggers refuse it, the chain shows it;
// but for checkpoints of running streams and kept answers, which come and go, for the last uses of
// keys, and for entries and attempts that a cut (cut.h) takes away from the beginning.
// Entries have two narrow unique indexes, whose keys grow, so that all inserts append, and one of
// the refunds, which are few.
#include "billing/entry.h"
#include "billing/sqlite.h"

namespace billing {

// In one transaction. `pepper_check` recognises the pepper and is where the chain begins.
Result<void> create_schema(Database& database, const Digest& pepper_check);

inline constexpr int64_t kSchemaVersion = 4;

// 1 to kSchemaVersion. Errors: ledger_broken, for files that are no ledgers and for ledgers of
// later programs.
Result<int64_t> schema_version(Database& database);

// Every object of this version is there, word for word, and nothing else. Errors: ledger_broken;
// ledger_unavailable, with what to do, if the ledger is of an older version.
Result<void> check_schema(Database& database);

// No tables and no version yet.
Result<bool> is_blank(Database& database);

Result<Digest> read_pepper_check(Database& database);

// The head of a chain without entries.
ChainHead chain_origin(Sha256& sha256, const Digest& pepper_check);

// "seq, kind, ..., hash": the columns of table entries, each with `prefix` before it.
std::string entry_columns(const std::string& prefix = "");

// One row of entry_columns(). False: a value is not what its column holds.
bool read_entry(const Statement& row, Entry& entry, Digest& hash);

}  // namespace billing
