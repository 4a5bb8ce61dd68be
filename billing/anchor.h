#pragma once
// What a ledger came to at one of its entries, as a line of text: the end of the chain, so that a
// ledger whose end was cut off shows, and the balances, so that a start need not read what stands
// before. An anchor is never the authority: verify() holds each to the entries.
//
//     weir-anchor 1 full entry 12 head <hex> at <ms> request 5 open 3 accounts 1:1000:20:30
//     2:0:0:0 keys 1:1790812800000:on
//
// on one line: the format's version, whether it says everything or what changed since the anchor
// before, the entry's seq, hash and instant, the highest request so far, the oldest with an open
// hold (0: none), each account's funds, reserved and spent in nano-dollars, each key's creation and
// state.
#include <map>
#include <optional>
#include <string>
#include <string_view>

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
};

struct Anchor {
    bool is_full = true;  // else: the accounts and keys that changed since the anchor before
    Standing standing;
};

// Without the end of the line.
std::string format(const Anchor& anchor);

// Nothing, unless format() gives exactly this text: numbers in range and in one spelling, ids
// ascending, 0 <= reserved, 0 <= spent, reserved + spent <= funds.
std::optional<Anchor> parse_anchor(std::string_view text);

// `standing` as the next anchor leaves it.
void advance(Standing& standing, const Anchor& next);

}  // namespace billing
