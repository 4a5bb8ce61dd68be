#pragma once
// Usage as the entries say it, row by row.
#include <functional>

#include "billing/sqlite.h"
#include "billing/usage.h"

namespace billing {

// Entries first <= seq < end.
struct SeqRange {
    int64_t first = 1, end = 1;
    friend bool operator==(const SeqRange&, const SeqRange&) = default;
};

struct UsageRow {
    UnixMillis at;
    UsageKey key;
    Figures figures;
};
// False: enough; the walk ends without an error.
using UsageVisitor = std::function<bool(const UsageRow& row)>;

// Errors of all: those of the database.

// Of requests that were reserved in `range` and had ended before `ended_before`, and of refunds
// that lie in both.
Result<void> visit_reserved(Database& database, SeqRange range, int64_t ended_before,
                            const UsageVisitor& visit);
// Of requests that ended in `range`, and of the refunds there.
Result<void> visit_ended(Database& database, SeqRange range, const UsageVisitor& visit);
// Of requests that were reserved in `range` and have not ended.
Result<void> visit_open(Database& database, SeqRange range, const UsageVisitor& visit);

}  // namespace billing
