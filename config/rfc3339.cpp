// The wall-clock half of config/units.h: RFC 3339 in and out.
#include <fmt/format.h>

#include "config/units.h"

namespace config {

namespace {

// Takes exactly `n` digits off the front.
std::optional<int> take_digits(std::string_view& text, size_t n) {
    if (text.size() < n) return {};
    int value = 0;
    for (size_t i = 0; i < n; ++i) {
        if (text[i] < '0' || text[i] > '9') return {};
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(n);
    return value;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
}

// "12<separator>34..." with each part below its bound.
std::optional<int> take_below(std::string_view& text, int bound) {
    const auto value = take_digits(text, 2);
    if (!value || *value >= bound) return {};
    return value;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
    const auto year = take_digits(text, 4);
    if (!year || !take(text, '-')) return {};
    const auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return {};
    const auto day = take_digits(text, 2);
    if (!day) return {};
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return {};
    return std::chrono::sys_days(date);
}

// ".5", ".25", ".125"; nothing there: 0.
std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) {
    if (!take(text, '.')) return std::chrono::milliseconds(0);
    int ms = 0;
    int n_digits = 0;
    while (n_digits < 3) {
        const auto digit = take_digits(text, 1);
        if (!digit) break;
        ms = ms * 10 + *digit;
        ++n_digits;
    }
    if (n_digits == 0) return {};
    for (; n_digits < 3; ++n_digits) ms *= 10;
    return std::chrono::milliseconds(ms);
}

// What has to be subtracted from local time: "Z", "+02:00", "-05:30".
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
    if (take(text, 'Z')) return std::chrono::minutes(0);
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return {};
    const auto hours = take_below(text, 24);
    if (!hours || !take(text, ':')) return {};
    const auto minutes = take_below(text, 60);
    if (!minutes) return {};
    const std::chrono::minutes offset(*hours * 60 + *minutes);
    return east ? offset : -offset;
}

}  // namespace

std::optional<UnixMillis> parse_rfc3339(std::string_view text) {
    const auto date = take_date(text);
    if (!date || !take(text, 'T')) return {};
    const auto hour = take_below(text, 24);
    if (!hour || !take(text, ':')) return {};
    const auto minute = take_below(text, 60);
    if (!minute || !take(text, ':')) return {};
    const auto second = take_below(text, 60);
    if (!second) return {};
    const auto fraction = take_fraction(text);
    if (!fraction) return {};
    const auto offset = take_offset(text);
    if (!offset || !text.empty()) return {};
    const auto at = std::chrono::sys_time<std::chrono::milliseconds>(*date) +
                    std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                    std::chrono::seconds(*second) + *fraction - *offset;
    return UnixMillis{at.time_since_epoch().count()};
}

std::string to_rfc3339(UnixMillis at) {
    const std::chrono::sys_time<std::chrono::milliseconds> instant{
        std::chrono::milliseconds(at.ms)};
    const auto day = std::chrono::floor<std::chrono::days>(instant);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss<std::chrono::milliseconds> time(instant - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       time.hours().count(), time.minutes().count(), time.seconds().count(),
                       time.subseconds().count());
}

}  // namespace config
