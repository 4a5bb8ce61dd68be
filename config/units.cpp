#include "config/units.h"

#include <fmt/format.h>

#include <charconv>

namespace config {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A whole number without sign, blanks or leading zeros, at most `max`.
std::optional<int64_t> parse_whole(std::string_view text, int64_t max) {
    if (text.empty() || !is_digit(text[0]) || (text.size() > 1 && text[0] == '0')) return {};
    int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value > max) return {};
    return value;
}

// "12.34" in units of 10^-n_decimals, at most `whole_max` whole ones.
std::optional<int64_t> parse_decimal(std::string_view text, size_t n_decimals, int64_t whole_max) {
    const size_t point = text.find('.');
    const auto whole = parse_whole(text.substr(0, point), whole_max);
    if (!whole) return {};
    std::string_view fraction;
    if (point != std::string_view::npos) {
        fraction = text.substr(point + 1);
        if (fraction.empty() || fraction.size() > n_decimals) return {};
    }
    int64_t units = *whole;
    int64_t scale = 1;
    for (size_t i = 0; i < n_decimals; ++i) {
        const char digit = i < fraction.size() ? fraction[i] : '0';
        if (!is_digit(digit)) return {};
        units = units * 10 + (digit - '0');
        scale *= 10;
    }
    if (units > whole_max * scale) return {};
    return units;
}

std::string format_decimal(int64_t units, int n_decimals) {
    const bool negative = units < 0;
    const uint64_t magnitude =
        negative ? ~static_cast<uint64_t>(units) + 1 : static_cast<uint64_t>(units);
    uint64_t scale = 1;
    for (int i = 0; i < n_decimals; ++i) scale *= 10;
    std::string text = fmt::format("{}{}.{:0{}}", negative ? "-" : "", magnitude / scale,
                                   magnitude % scale, n_decimals);
    const size_t shortest = text.find('.') + 3;
    while (text.size() > shortest && text.back() == '0') text.pop_back();
    return text;
}

struct Unit {
    std::string_view suffix;
    int64_t scale;
};

// A whole number and one of `units`, at most `max` after scaling. Suffixes that end in another
// stand first.
template <size_t N>
std::optional<int64_t> parse_with_unit(std::string_view text, const Unit (&units)[N], int64_t max) {
    for (const Unit& unit : units) {
        if (!text.ends_with(unit.suffix)) continue;
        text.remove_suffix(unit.suffix.size());
        const auto whole = parse_whole(text, max / unit.scale);
        if (!whole) return {};
        return *whole * unit.scale;
    }
    return {};
}

constexpr Unit kDurationUnits[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr Unit kByteUnits[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}};
constexpr int64_t kDurationMsMax = 365LL * 24 * 3'600'000;
constexpr int64_t kBytesMax = 1LL << 40;

}  // namespace

std::optional<NanoUsd> parse_usd(std::string_view text) {
    const auto units = parse_decimal(text, 9, 1'000'000'000);
    if (!units) return {};
    return NanoUsd{*units};
}

std::string to_string(NanoUsd amount) {
    return format_decimal(amount.n, 9);
}

std::optional<PicoUsd> parse_usd_per_million(std::string_view text) {
    const auto units = parse_decimal(text, 6, 1'000'000);
    if (!units) return {};
    return PicoUsd{*units};
}

std::optional<int64_t> parse_factor(std::string_view text) {
    return parse_decimal(text, 6, 1'000);
}

std::optional<int64_t> parse_rate(std::string_view text) {
    return parse_decimal(text, 9, 1'000);
}

std::string to_factor(int64_t millionths) {
    return format_decimal(millionths, 6);
}

std::string to_usd_per_million(PicoUsd price) {
    return format_decimal(price.n, 6);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto ms = parse_with_unit(text, kDurationUnits, kDurationMsMax);
    if (!ms) return {};
    return std::chrono::milliseconds(*ms);
}

std::optional<int64_t> parse_bytes(std::string_view text) {
    return parse_with_unit(text, kByteUnits, kBytesMax);
}

}  // namespace config
