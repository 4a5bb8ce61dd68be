#include "billing/decimal.h"

#include <charconv>
#include <limits>

namespace billing {

namespace {

constexpr int kDecimals = 18;
constexpr int kDigitsMax = 30;  // 1e12 with 18 decimals

// The exponent behind "e" is taken off `text`.
std::optional<int> take_exponent(std::string_view& text) {
    const size_t at = text.find_first_of("eE");
    if (at == text.npos) return 0;
    std::string_view digits = text.substr(at + 1);
    text = text.substr(0, at);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    int exponent = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    const bool is_whole = error == std::errc() && end == digits.data() + digits.size();
    if (!is_whole || exponent < -kDigitsMax || exponent > kDigitsMax) return std::nullopt;
    return exponent;
}

}  // namespace

std::optional<Atto> parse_atto(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    if (is_negative) text.remove_prefix(1);
    const auto exponent = take_exponent(text);
    if (!exponent || text.empty() || text == ".") return std::nullopt;
    int shift = kDecimals + *exponent;  // powers of ten still to come
    Atto value = 0;
    Atto limit = 1;
    for (int i = 0; i < kDigitsMax; ++i) limit *= 10;
    bool is_fraction = false;
    for (const char c : text) {
        if (c == '.' && !is_fraction) {
            is_fraction = true;
            continue;
        }
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
        if (value >= limit) return std::nullopt;
        if (is_fraction) --shift;
    }
    for (; shift > 0; --shift) {
        value *= 10;
        if (value >= limit) return std::nullopt;
    }
    for (; shift < 0; ++shift) {
        if (value % 10 != 0) return std::nullopt;
        value /= 10;
    }
    return is_negative ? -value : value;
}

std::optional<NanoUsd> to_nano(Atto amount) {
    constexpr Atto kUnit = 1'000'000'000;
    Atto whole = amount / kUnit;
    Atto rest = amount % kUnit;
    if (rest < 0) {
        rest += kUnit;
        --whole;
    }
    if (2 * rest > kUnit || (2 * rest == kUnit && whole % 2 != 0)) ++whole;
    using Limits = std::numeric_limits<int64_t>;
    if (whole < Limits::min() || whole > Limits::max()) return std::nullopt;
    return NanoUsd{static_cast<int64_t>(whole)};
}

}  // namespace billing
