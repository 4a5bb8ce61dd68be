#pragma once
#include "billing/anchor.h"
#include "billing/book.h"
#include "billing/key_ring.h"

namespace billing {

// Puts what a ledger came to at its last anchor into empty books, without the entries before: names
// and prices out of their tables, open holds from the entries since the oldest of them. Errors:
// ledger_broken, if the anchor is not of this ledger or says other than its rows.
Result<void> load_standing(Database& database, const Standing& standing, Book& book, KeyRing& keys);

}  // namespace billing
