#include "billing/cost.h"

#include <algorithm>
#include <limits>

#include "config/ensure.h"

namespace billing {
namespace {

using config::LongContext;
using config::Rates;
using config::Tariff;

__extension__ typedef unsigned __int128 Uint128;

constexpr uint64_t kPicoPerNano = 1'000;
constexpr Uint128 kNanoMax = std::numeric_limits<int64_t>::max();
// A nano-dollar, in the unit that tokens x rate x usd_per_unit x (1,000,000 + markup_ppm) comes in.
constexpr uint64_t kScale = kPicoPerNano * config::kNanoPerUnit * config::kPartsPerMillion;

// A sum of products that ends just above what an amount can hold, whatever is added.
class Sum {
public:
    explicit Sum(const Tariff& tariff)
        : factor_(static_cast<uint64_t>(tariff.usd_per_unit) *
                  static_cast<uint64_t>(config::kPartsPerMillion + tariff.markup_ppm)) {
        ENSURE(tariff.usd_per_unit > 0 && tariff.markup_ppm > -config::kPartsPerMillion);
        const bool fits = factor_ / static_cast<uint64_t>(tariff.usd_per_unit) ==
                          static_cast<uint64_t>(config::kPartsPerMillion + tariff.markup_ppm);
        ENSURE(fits);
        cap_ = (kNanoMax + 1) * kScale / factor_ + 1;
    }

    void add(int64_t n_tokens, int64_t rate) {
        ENSURE(n_tokens >= 0 && rate >= 0);
        const Uint128 product =
            Uint128{static_cast<uint64_t>(n_tokens)} * static_cast<uint64_t>(rate);
        sum_ = std::min(sum_ + std::min(product, cap_), cap_);
    }

    NanoUsd half_even() const {
        Uint128 nano = sum_ * factor_ / kScale;
        const auto rest = static_cast<uint64_t>(sum_ * factor_ % kScale);
        const bool is_odd = (nano & 1) != 0;
        if (rest > kScale / 2 || (rest == kScale / 2 && is_odd)) ++nano;
        return saturated(nano);
    }

    NanoUsd up() const { return saturated((sum_ * factor_ + (kScale - 1)) / kScale); }

private:
    static NanoUsd saturated(Uint128 nano) {
        return {static_cast<int64_t>(std::min(nano, kNanoMax))};
    }

    uint64_t factor_;
    Uint128 cap_;
    Uint128 sum_ = 0;
};

// Tokens at the rates of short requests, and at those of long ones.
struct Split {
    TokenCounts plain, dear;
};

Uint128 measured(const TokenCounts& tokens, const LongContext& rule) {
    Uint128 n = Uint128{static_cast<uint64_t>(tokens.input_uncached)} +
                static_cast<uint64_t>(tokens.cache_write);
    if (rule.counts_cached) n += static_cast<uint64_t>(tokens.cache_read);
    if (rule.measured_on == LongContext::Measure::input_and_output) {
        n += static_cast<uint64_t>(tokens.output_answer);
        n += static_cast<uint64_t>(tokens.output_reasoning);
    }
    return n;
}

// How many of `n` measured tokens lie beyond the threshold.
Uint128 beyond(Uint128 n, const LongContext& rule) {
    if (rule.n_tokens == 0) return 0;
    const auto n_short = static_cast<uint64_t>(rule.inclusive ? rule.n_tokens - 1 : rule.n_tokens);
    return n > n_short ? n - n_short : 0;
}

// Takes up to `n` tokens from one class of plain ones.
void move(TokenCounts& plain, TokenCounts& dear, int64_t TokenCounts::*kind, Uint128& n) {
    const auto n_moved =
        static_cast<int64_t>(std::min(n, Uint128{static_cast<uint64_t>(plain.*kind)}));
    plain.*kind -= n_moved;
    dear.*kind += n_moved;
    n -= static_cast<uint64_t>(n_moved);
}

Split split(const TokenCounts& tokens, const LongContext& rule) {
    Uint128 n_beyond = beyond(measured(tokens, rule), rule);
    if (n_beyond == 0) return {tokens, {}};
    if (rule.applies_to == LongContext::Reach::whole_request) return {{}, tokens};
    Split parts{tokens, {}};
    move(parts.plain, parts.dear, &TokenCounts::input_uncached, n_beyond);
    move(parts.plain, parts.dear, &TokenCounts::cache_write, n_beyond);
    if (rule.counts_cached) move(parts.plain, parts.dear, &TokenCounts::cache_read, n_beyond);
    return parts;
}

struct Class {
    int64_t TokenCounts::*tokens;
    int64_t Rates::*rate;
    NanoUsd CostParts::*part;
};
constexpr Class kClasses[] = {
    {&TokenCounts::input_uncached, &Rates::input, &CostParts::input_uncached},
    {&TokenCounts::cache_read, &Rates::cache_read, &CostParts::cache_read},
    {&TokenCounts::cache_write, &Rates::cache_write, &CostParts::cache_write},
    {&TokenCounts::output_answer, &Rates::output, &CostParts::output_answer},
    {&TokenCounts::output_reasoning, &Rates::reasoning, &CostParts::output_reasoning},
};

void check_counts(const TokenCounts& tokens) {
    for (const Class& each : kClasses) ENSURE(tokens.*each.tokens >= 0);
}

}  // namespace

bool is_long(const TokenCounts& tokens, const Tariff& tariff) {
    return beyond(measured(tokens, tariff.long_context), tariff.long_context) > 0;
}

NanoUsd cost(const TokenCounts& tokens, const Tariff& tariff) {
    check_counts(tokens);
    const Split parts = split(tokens, tariff.long_context);
    Sum sum(tariff);
    for (const Class& each : kClasses) {
        sum.add(parts.plain.*each.tokens, tariff.rates.*each.rate);
        sum.add(parts.dear.*each.tokens, tariff.long_context.rates.*each.rate);
    }
    return sum.half_even();
}

CostParts cost_parts(const TokenCounts& tokens, const Tariff& tariff) {
    check_counts(tokens);
    const Split split_tokens = split(tokens, tariff.long_context);
    CostParts parts;
    Sum sum(tariff);
    NanoUsd so_far;  // rounded sums differ by whole nano-dollars, and the last one is the cost
    for (const Class& each : kClasses) {
        sum.add(split_tokens.plain.*each.tokens, tariff.rates.*each.rate);
        sum.add(split_tokens.dear.*each.tokens, tariff.long_context.rates.*each.rate);
        parts.*each.part = sum.half_even() - so_far;
        so_far = sum.half_even();
    }
    return parts;
}

NanoUsd cost_bound(int64_t n_prompt, int64_t n_output, const Tariff& tariff) {
    ENSURE(n_prompt >= 0 && n_output >= 0);
    const auto dearest_input = [](const Rates& rates) {
        return std::max({rates.input, rates.cache_read, rates.cache_write});
    };
    const auto dearest_output = [](const Rates& rates) {
        return std::max(rates.output, rates.reasoning);
    };
    const LongContext& rule = tariff.long_context;
    const Uint128 n_beyond = beyond(measured({n_prompt, 0, 0, n_output, 0}, rule), rule);
    int64_t input = dearest_input(tariff.rates);
    int64_t output = dearest_output(tariff.rates);
    int64_t n_dear = 0;
    const int64_t dear_input = std::max(input, dearest_input(rule.rates));
    if (n_beyond > 0 && rule.applies_to == LongContext::Reach::whole_request) {
        input = dear_input;
        output = std::max(output, dearest_output(rule.rates));
    } else if (n_beyond > 0) {
        n_dear = static_cast<int64_t>(std::min(n_beyond, Uint128{static_cast<uint64_t>(n_prompt)}));
    }
    Sum sum(tariff);
    sum.add(n_prompt - n_dear, input);
    sum.add(n_dear, dear_input);
    sum.add(n_output, output);
    return sum.up();
}

}  // namespace billing
