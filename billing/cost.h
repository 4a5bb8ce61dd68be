#pragma once
// What tokens cost: sum of tokens x price in 128 bits, one rounding to nano-dollars, half to even.
#include "billing/types.h"

namespace billing {

// Exact up to the one rounding. Saturates at INT64_MAX nano-dollars. Counts must be >= 0.
NanoUsd cost(const TokenCounts& tokens, const config::Price& price);

// The most that a request can cost at this price: every prompt token at its dearest input class,
// every output token at its dearest output class, rounded up. Saturates. Counts must be >= 0.
NanoUsd cost_bound(int64_t n_prompt, int64_t n_output, const config::Price& price);

}  // namespace billing
