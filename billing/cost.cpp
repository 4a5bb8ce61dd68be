#include "billing/cost.h"

#include <algorithm>
#include <limits>

#include "config/ensure.h"

namespace billing {
namespace {

__extension__ typedef unsigned __int128 Uint128;

constexpr uint64_t kPicoPerNano = 1000;
constexpr Uint128 kNanoMax = std::numeric_limits<int64_t>::max();

// A sum of products in pico-dollars that stops just above what an amount can hold: five of the
// largest products would not fit 128 bits.
class PicoSum {
public:
    void add(int64_t n_tokens, PicoUsd price) {
        ENSURE(n_tokens >= 0 && price.n >= 0);
        const Uint128 product =
            Uint128{static_cast<uint64_t>(n_tokens)} * static_cast<uint64_t>(price.n);
        sum_ = std::min(sum_ + std::min(product, kCap), kCap);
    }

    NanoUsd half_even() const {
        Uint128 nano = sum_ / kPicoPerNano;
        const auto rest = static_cast<uint64_t>(sum_ % kPicoPerNano);
        const bool is_odd = (nano & 1) != 0;
        if (rest > kPicoPerNano / 2 || (rest == kPicoPerNano / 2 && is_odd)) ++nano;
        return saturated(nano);
    }

    NanoUsd up() const { return saturated((sum_ + (kPicoPerNano - 1)) / kPicoPerNano); }

private:
    static constexpr Uint128 kCap = (kNanoMax + 1) * kPicoPerNano;

    static NanoUsd saturated(Uint128 nano) {
        return {static_cast<int64_t>(std::min(nano, kNanoMax))};
    }

    Uint128 sum_ = 0;
};

}  // namespace

NanoUsd cost(const TokenCounts& tokens, const config::Price& price) {
    PicoSum sum;
    sum.add(tokens.input_uncached, price.input);
    sum.add(tokens.cache_read, price.cache_read);
    sum.add(tokens.cache_write, price.cache_write);
    sum.add(tokens.output_answer, price.output);
    sum.add(tokens.output_reasoning, price.reasoning);
    return sum.half_even();
}

NanoUsd cost_bound(int64_t n_prompt, int64_t n_output, const config::Price& price) {
    PicoSum sum;
    sum.add(n_prompt, std::max({price.input, price.cache_read, price.cache_write}));
    sum.add(n_output, std::max(price.output, price.reasoning));
    return sum.up();
}

}  // namespace billing
