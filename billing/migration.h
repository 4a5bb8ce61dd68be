#pragma once
#include <functional>

#include "billing/sqlite.h"

namespace billing {

// Brings a ledger of an older version to the schema of this program, in one transaction: whatever
// happens before its commit, the file stays what it was. Rows are never rewritten: what an older
// program hashed keeps its hash. Nothing to do for a ledger of this version. `before_step`, for
// tests, hears how many steps were done before each, and once more before the commit. Errors:
// ledger_broken, if the file is no ledger or was not as its version says; ledger_unavailable.
Result<void> migrate(Database& database,
                     const std::function<void(int64_t n_done)>& before_step = {});

}  // namespace billing
