#pragma once
// A ledger whose oldest entries were cut away (retention.h): where its chain begins, and what may
// still be asked about the time before. The cut's row was brought by an entry that stands behind
// it, so the chain covers what it says; the rows of other tables that the lost entries brought, and
// the roll-ups of them, stay in the file and are held to their digests there.
#include <functional>
#include <optional>

#include "billing/anchor.h"
#include "billing/definition.h"
#include "billing/sqlite.h"

namespace billing {

struct Cut {
    int64_t id = 0;
    CutRow row;
    Standing standing;  // as row.standing says
};

// The last cut; nothing: all entries are there. Errors: ledger_broken; those of the database.
Result<std::optional<Cut>> last_cut(Database& database);

// The end of the chain behind entry `seq`, also where that is the last one that was cut away.
// Nothing: there is no such entry.
struct ChainPoint {
    ChainHead head;
    UnixMillis at;
};
Result<std::optional<ChainPoint>> chain_point(Database& database, int64_t seq);

// Of the rows that entries up to `seq` brought, in all tables of kDefiningKinds.
Result<Digest> digest_of_definitions(Database& database, int64_t seq);
// Of the roll-ups that begin at `seq` or before.
Result<Digest> digest_of_rollups(Database& database, int64_t seq);

// The first number in a table that an entry behind `seq` brought; above all numbers, if none did.
Result<int64_t> first_row_behind(Database& database, Kind kind, int64_t seq);

// Each row that entries up to `seq` brought into the table of `kind`, in order. Errors:
// ledger_broken, if one cannot be read or `visit` says false of it.
Result<void> visit_rows_up_to(
    Database& database, DefinitionTables& tables, Kind kind, int64_t seq,
    const std::function<bool(int64_t id, const Definition& definition)>& visit);

// Refuses a question about single entries of the time from `from` on, if some of that were cut
// away. `what` begins the message: "a report that begins between two quarter hours". Errors:
// query_invalid, which names the archive.
Result<void> check_is_kept(Database& database, UnixMillis from, const std::string& what);
// "", or where the entries of such a request went.
Result<std::string> where_it_went(Database& database, RequestId request);

}  // namespace billing
