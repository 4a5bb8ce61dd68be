#pragma once
// A copy of a ledger as it stands at one instant, while a server writes it or not.
#include <filesystem>
#include <string>

#include "billing/error.h"

namespace billing {

struct Backup {
    int64_t n_entries = 0;  // the copy ends with this one
    std::string head;       // hex of its hash
    int64_t n_anchors = 0;
};

// Writes `to`, `to`.pepper and `to`.anchors, each mode 0600 and on disk when it returns: the whole
// ledger, to be put where the other stood. The pepper tests keys: keep it as safe as the other.
// `to` appears last and only whole. Errors: query_invalid, if one of the three is there already;
// ledger_unavailable; ledger_broken.
Result<Backup> back_up(const std::filesystem::path& ledger, const std::filesystem::path& to);

}  // namespace billing
