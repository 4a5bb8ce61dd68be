#pragma once
#include <vector>

#include "billing/schema.h"

namespace billing {

// Finds the entries of one request, by the indexes that entries have. Borrows the database; one
// thread. Errors: ledger_unavailable; ledger_broken, "entry 17: ...".
class EntryLookup {
public:
    static Result<EntryLookup> prepare(Database& database);

    Result<std::optional<Entry>> reserve(RequestId request);
    Result<std::optional<Entry>> ending(RequestId request);  // SETTLE or RELEASE
    Result<std::vector<Entry>> refunds(RequestId request);   // in the order of the ledger

private:
    explicit EntryLookup(Database& database) : database_(&database) {}
    Result<std::vector<Entry>> find(Statement& statement, RequestId request);

    Database* database_;
    Statement reserve_, ending_, refunds_;
};

}  // namespace billing
