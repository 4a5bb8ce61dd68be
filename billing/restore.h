#pragma once
#include "billing/book.h"
#include "billing/key_ring.h"
#include "billing/schema.h"

namespace billing {

// Builds memory from the file: every balance is summed anew from all entries, the chain is
// recomputed over the last ones (verify() does all). Returns the end of the chain. Errors:
// ledger_broken.
Result<ChainHead> restore(Database& database, Book& book, KeyRing& keys);

}  // namespace billing
