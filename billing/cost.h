#pragma once
// What tokens cost: the sum of tokens x rate in 128 bits, times the currency's rate and the
// mark-up, one rounding to nano-dollars, half to even. Counts must be >= 0.
#include "billing/types.h"
#include "config/price.h"

namespace billing {

// Exact up to the one rounding. Saturates at INT64_MAX nano-dollars.
NanoUsd cost(const TokenCounts& tokens, const config::Tariff& tariff);

// What each class has of cost(): the five add up to it, each within a nano-dollar of its exact
// share.
struct CostParts {
    NanoUsd input_uncached, cache_read, cache_write, output_answer, output_reasoning;
};
CostParts cost_parts(const TokenCounts& tokens, const config::Tariff& tariff);

// The most that a request can cost: every prompt token at its dearest input class, every output
// token at its dearest output class, as a long request where it can be one; rounded up. Saturates.
NanoUsd cost_bound(int64_t n_prompt, int64_t n_output, const config::Tariff& tariff);

// Whether the rates of long_context have a part in it.
bool is_long(const TokenCounts& tokens, const config::Tariff& tariff);

// What the upstream asks for, not what clients pay.
inline config::Tariff without_markup(config::Tariff tariff) {
    tariff.markup_ppm = 0;
    return tariff;
}

}  // namespace billing
