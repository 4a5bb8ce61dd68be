#pragma once
// When the writer anchors the ledger: a while after the first entry behind the last anchor, sooner
// if very many follow, and at stop. An anchor that cannot be written is reported and tried again
// with the next: the ledger does not wait for it.
#include <chrono>

#include "billing/anchor_file.h"
#include "billing/billing.h"
#include "billing/tally.h"

namespace billing {

// Used by the opener's thread, then by the writer's.
class Anchoring {
public:
    using Clock = std::chrono::steady_clock;

    // `tally` holds what is on disk; `last` is what the file says, as it was found.
    Anchoring(AnchorFile file, Tally tally, const std::optional<Standing>& last,
              std::chrono::milliseconds interval);

    // An entry that is on disk, and the row that it brought, or null.
    void add(const Entry& entry, const Definition* definition) { tally_.add(entry, definition); }
    // When the next anchor is due, if the ledger ends at `head`; nothing: it ends at the last one.
    std::optional<Clock::time_point> due(const ChainHead& head);
    // `head`, the end of what is on disk, becomes an anchor. Nothing: it is the last one already.
    std::optional<AnchorNote> write(const ChainHead& head);

private:
    AnchorFile file_;
    Tally tally_;
    int64_t last_seq_ = 0;
    std::optional<Clock::time_point> due_;
    bool has_failed_ = false;  // the last write
    const std::chrono::milliseconds interval_;
};

}  // namespace billing
