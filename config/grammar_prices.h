#pragma once
// The grammar of one price of weir.yaml. Nothing of it stores: config/link_prices.cpp reads the
// tree.
#include "config/grammar.h"

namespace config {

extern const Section kPriceSection;

inline constexpr int64_t kUsdPerMillionMax = 1'000'000'000;   // $1,000 per million tokens, in pico
inline constexpr int64_t kPerMillionMax = 1'000'000'000'000;  // of another currency
inline constexpr int64_t kFactorMax = 100'000'000;            // 100, in millionths
inline constexpr int64_t kUsdPerUnitMax = 1'000'000'000'000;  // 1,000 USD, in 1e-9
inline constexpr int64_t kWindowsMax = 16;

}  // namespace config
