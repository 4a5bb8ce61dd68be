#pragma once
// What a report sums: figures, and the columns that they may be grouped by. Usage is counted by the
// instant of a request's RESERVE; a refund by its own.
#include <array>
#include <compare>
#include <cstdint>

#include "billing/types.h"

namespace billing {

// Figures add up; a figure's number is stored in roll-ups: never renumber.
enum class Figure : uint8_t {
    requests,      // with a terminal entry
    usd,           // nano-dollars: charged,
    refunded_usd,  // given back,
    operator_usd,  // and what the attempts cost
    input_uncached,
    cache_read,
    cache_write,
    output_answer,
    output_reasoning,
    open,      // requests that have not ended,
    held_usd,  // and what is held for them
    // Over the attempts whose upstream said its counts: ours, and its own.
    counted_input,
    counted_output,
    upstream_input,
    upstream_output,
};
inline constexpr size_t kFigureCount = 15;

class Figures {
public:
    int64_t& operator[](Figure figure) { return values_[static_cast<size_t>(figure)]; }
    int64_t operator[](Figure figure) const { return values_[static_cast<size_t>(figure)]; }
    // False: a sum is above what 64 bits hold.
    [[nodiscard]] bool add(const Figures& more) {
        bool fits = true;
        for (size_t i = 0; i < kFigureCount; ++i)
            fits &= !__builtin_add_overflow(values_[i], more.values_[i], &values_[i]);
        return fits;
    }
    friend bool operator==(const Figures&, const Figures&) = default;

private:
    std::array<int64_t, kFigureCount> values_{};
};

// What figures belong to. Numbers of rows: `attribution` is 0 for requests of ledgers before schema
// version 2; `endpoint` and `model` are where it ended, of an attempt's figures where it was made.
struct UsageKey {
    int64_t attribution = 0, account = 0, key = 0;
    int64_t route = 0, endpoint = 0, model = 0;
    int64_t outcome = 0;
    friend auto operator<=>(const UsageKey&, const UsageKey&) = default;
};
inline constexpr int64_t kOutcomeOpen = -1;  // beside the numbers of outcomes

// Zones are whole quarters of an hour apart from UTC, and days and hours begin at one in all of
// them.
inline constexpr int64_t kQuarterMs = 900'000;
constexpr int64_t quarter_of(UnixMillis at) {
    return at.ms / kQuarterMs - (at.ms % kQuarterMs < 0 ? 1 : 0);
}

}  // namespace billing
