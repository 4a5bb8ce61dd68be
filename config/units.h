#pragma once
// The types that settings and money are written in. No float ever holds money.
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

// A wall-clock instant: milliseconds since 1970-01-01T00:00:00Z. Never used to measure durations.
struct UnixMillis {
    int64_t ms = 0;
    friend constexpr auto operator<=>(UnixMillis, UnixMillis) = default;
};

// An amount of money, 1e-9 USD a unit: +-9.2 billion USD. Sums of valid amounts never overflow in
// practice; where foreign numbers are multiplied, use the 128-bit arithmetic of billing/cost.h.
struct NanoUsd {
    int64_t n = 0;
    friend constexpr auto operator<=>(NanoUsd, NanoUsd) = default;
    friend constexpr NanoUsd operator+(NanoUsd a, NanoUsd b) { return {a.n + b.n}; }
    friend constexpr NanoUsd operator-(NanoUsd a, NanoUsd b) { return {a.n - b.n}; }
    constexpr NanoUsd& operator+=(NanoUsd b) {
        n += b.n;
        return *this;
    }
    constexpr NanoUsd& operator-=(NanoUsd b) {
        n -= b.n;
        return *this;
    }
};

// A price of one token, 1e-12 USD a unit: "USD per million tokens" with six decimals is a whole
// number.
struct PicoUsd {
    int64_t n = 0;
    friend constexpr auto operator<=>(PicoUsd, PicoUsd) = default;
};

// "10", "10.00", "0.000000001": digits with at most nine decimals, no sign, no exponent, no blanks;
// at most 1,000,000,000 USD. Anything else: nothing.
std::optional<NanoUsd> parse_usd(std::string_view text);
// The exact amount, at least two decimals, no trailing zeros beyond: "10.00", "0.000123", "-1.50".
std::string to_string(NanoUsd amount);
// USD per million tokens, as in parse_usd but at most six decimals and at most 1,000,000 USD.
std::optional<PicoUsd> parse_usd_per_million(std::string_view text);
// At most six decimals and at most 1,000: in millionths.
std::optional<int64_t> parse_factor(std::string_view text);
// At most nine decimals and at most 1,000: in 1e-9.
std::optional<int64_t> parse_rate(std::string_view text);
// The exact figure, at least two decimals, as above and below.
std::string to_factor(int64_t millionths);
// The exact price in USD per million tokens, at least two decimals.
std::string to_usd_per_million(PicoUsd price);

// RFC 3339 in UTC: "2026-10-01T00:00:00Z" (seconds, with optional fraction to milliseconds; offsets
// such as +02:00 are accepted and converted). Anything else, impossible dates included: nothing.
std::optional<UnixMillis> parse_rfc3339(std::string_view text);
// "2026-10-01T00:00:00.000Z".
std::string to_rfc3339(UnixMillis at);

// "250ms", "30s", "5m", "2h": a whole number and one unit; at most 365 days. Anything else:
// nothing.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// "64B", "32KiB", "32MiB", "2GiB": a whole number and one unit; at most 1 TiB. Anything else:
// nothing.
std::optional<int64_t> parse_bytes(std::string_view text);

}  // namespace config
