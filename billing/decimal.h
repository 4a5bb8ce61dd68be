#pragma once
// Money as foreign files write it, exact: 1e-18 of a currency's unit.
#include <optional>
#include <string_view>

#include "billing/types.h"

namespace billing {

__extension__ using Atto = __int128;

// "12", "-0.5", "0.8958740000000000", "2.5e-08": at most 18 decimals that are not zero, below 1e12.
// Anything else: nothing.
std::optional<Atto> parse_atto(std::string_view text);

// Half to even. Nothing, if the amount is beyond what NanoUsd holds.
std::optional<NanoUsd> to_nano(Atto amount);

}  // namespace billing
