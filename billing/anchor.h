#pragma once
// What a ledger came to at one of its entries, as a line of text: the end of the chain, so that a
// ledger whose end was cut off shows, and the balances, so that a start need not read what stands
// before. An anchor is never the authority: verify() holds each to the entries.
//
//     weir-anchor 1 full entry 12 head <hex> at <ms> request 5 open 3 accounts 1:1000:20:30
//     2:0:0:0 keys 1:1790812800000:on budgets 4:20727:30:200 6:off
//
// on one line: the format's version, whether it says everything or what changed since the anchor
// before, the entry's seq, hash and instant, the highest request so far, the oldest with an open
// hold (0: none), each account's funds, reserved and spent in nano-dollars, each key's creation and
// state; if there are any, each budget's period, reserved and spent, or that it was removed.
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "billing/budgets.h"
#include "billing/entry.h"

namespace billing {

struct AnchoredKey {
    UnixMillis created_at;
    bool enabled = true;
    friend bool operator==(const AnchoredKey&, const AnchoredKey&) = default;
};

struct Standing {
    ChainHead head;  // seq >= 1
    UnixMillis at;
    RequestId last_request, oldest_open;
    std::map<int64_t, Balance> accounts;
    std::map<int64_t, AnchoredKey> keys;
    std::map<int64_t, std::optional<BudgetUse>> budgets;  // nothing: removed
};

struct Anchor {
    bool is_full = true;  // else: what changed since the anchor before
    Standing standing;
};

// Without the end of the line.
std::string format(const Anchor& anchor);

// Nothing, unless format() gives exactly this text: numbers in range and in one spelling, ids
// ascending, none below 0, reserved + spent within 64 bits.
std::optional<Anchor> parse_anchor(std::string_view text);

// `standing` as the next anchor leaves it.
void advance(Standing& standing, const Anchor& next);

}  // namespace billing
