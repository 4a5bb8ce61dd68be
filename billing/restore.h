#pragma once
#include "billing/anchor.h"
#include "billing/book.h"
#include "billing/key_ring.h"
#include "billing/schema.h"

namespace billing {

// Builds memory from the file: what the last anchor says, or without one the last cut, and the sum
// of the entries behind it; without either, of all entries. The chain is recomputed over those and
// over the last ones in any case (verify() does all). Returns the end of the chain. Errors:
// ledger_broken; that of load_standing() is about the anchor.
Result<ChainHead> restore(Database& database, const std::optional<Standing>& anchored, Book& book,
                          KeyRing& keys);

}  // namespace billing
