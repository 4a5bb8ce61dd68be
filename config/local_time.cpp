#include "config/local_time.h"

#include <date/tz.h>

#include <stdexcept>

namespace config {

namespace {

constexpr int64_t kMinutesPerDay = 24 * 60;

int64_t floor_div(int64_t n, int64_t by) {
    return n / by - (n % by < 0 ? 1 : 0);
}

// Two digits, nothing else.
std::optional<int> parse_two_digits(std::string_view text) {
    if (text.size() != 2 || text.find_first_not_of("0123456789") != std::string_view::npos)
        return {};
    return (text[0] - '0') * 10 + (text[1] - '0');
}

}  // namespace

std::optional<TimeZone> TimeZone::find(const std::string& name) {
    if (name == "UTC") return TimeZone();
    try {
        return TimeZone(date::locate_zone(name));
    } catch (const std::runtime_error&) {
        return {};
    }
}

LocalTime TimeZone::at(UnixMillis instant) const {
    const int64_t s = floor_div(instant.ms, 1'000);
    const int64_t offset_s =
        zone_ == nullptr
            ? 0
            : zone_->get_info(date::sys_seconds(std::chrono::seconds(s))).offset.count();
    const int64_t minute = floor_div(s + offset_s, 60);
    const int64_t day = floor_div(minute, kMinutesPerDay);
    return {static_cast<int>(day), static_cast<int>(minute - day * kMinutesPerDay)};
}

std::optional<int> parse_date(std::string_view text) {
    if (text.size() != 10) return {};
    // A date is right if it begins a right instant.
    const auto at = parse_rfc3339(std::string(text) + "T00:00:00Z");
    if (!at) return {};
    return static_cast<int>(floor_div(at->ms, kMinutesPerDay * 60'000));
}

std::optional<int> parse_time_of_day(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return {};
    const auto hours = parse_two_digits(text.substr(0, 2));
    const auto minutes = parse_two_digits(text.substr(3));
    if (!hours || !minutes || *minutes > 59) return {};
    const int minute = *hours * 60 + *minutes;
    if (minute > kMinutesPerDay) return {};
    return minute;
}

}  // namespace config
