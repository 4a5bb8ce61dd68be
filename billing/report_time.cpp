#include "billing/report_time.h"

#include <date/tz.h>

#include <cstdio>
#include <stdexcept>

#include "billing/report.h"

namespace billing {
namespace {

constexpr int64_t kMsPerHour = 3'600'000;
constexpr int64_t kMsPerDay = 24 * kMsPerHour;
constexpr int64_t kMsPerMinute = 60'000;
// An hour's number is its first instant in minutes and the offset in minutes, which lies within
// +-16 h.
constexpr int64_t kOffsetRange = 2'048;

int64_t floor_div(int64_t n, int64_t by) {
    return n / by - (n % by < 0 ? 1 : 0);
}

std::optional<date::year_month_day> parse_day(const std::string& text) {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    int n_read = 0;
    if (text.size() != 10 || text.find_first_not_of("0123456789-") != std::string::npos ||
        std::sscanf(text.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &n_read) != 3 ||
        n_read != 10) {
        return std::nullopt;
    }
    const date::year_month_day parsed = date::year(year) / date::month(month) / date::day(day);
    if (!parsed.ok()) return std::nullopt;
    return parsed;
}

}  // namespace

Result<Zone> Zone::find(const std::string& name) {
    if (name == "UTC") return Zone(nullptr);
    try {
        return Zone(date::locate_zone(name));
    } catch (const std::runtime_error&) {
        return tl::unexpected(
            Error{Errc::time_zone_unknown,
                  "no time zone \"" + name + "\"; use an IANA name, as Asia/Singapore"});
    }
}

std::optional<UnixMillis> Zone::day_begin(const std::string& text) const {
    const auto day = parse_day(text);
    if (!day) return std::nullopt;
    using std::chrono::milliseconds;
    const date::local_time<milliseconds> local = date::local_days(*day);
    if (zone_ == nullptr) return UnixMillis{local.time_since_epoch().count()};
    // Where midnight is skipped the day begins with the change, where it comes twice, with the
    // first.
    const auto at = zone_->to_sys(local, date::choose::earliest);
    return UnixMillis{std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count()};
}

int64_t Zone::offset_s(UnixMillis at) {
    if (zone_ == nullptr) return 0;
    const int64_t s = floor_div(at.ms, 1'000);
    if (s < known_begin_s_ || s >= known_end_s_) {
        const date::sys_info info = zone_->get_info(date::sys_seconds(std::chrono::seconds(s)));
        known_begin_s_ = info.begin.time_since_epoch().count();
        known_end_s_ = info.end.time_since_epoch().count();
        known_offset_s_ = info.offset.count();
    }
    return known_offset_s_;
}

int64_t Zone::day(UnixMillis at) {
    return floor_div(at.ms + offset_s(at) * 1'000, kMsPerDay);
}

int64_t Zone::hour(UnixMillis at) {
    const int64_t offset_min = floor_div(offset_s(at), 60);
    const int64_t local_ms = at.ms + offset_min * kMsPerMinute;
    const int64_t begin_min = floor_div(local_ms, kMsPerHour) * 60 - offset_min;
    return begin_min * kOffsetRange + (offset_min + kOffsetRange / 2);
}

std::string Zone::day_text(int64_t day) {
    const date::year_month_day ymd{date::sys_days(date::days(static_cast<int>(day)))};
    char text[40];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(ymd.year()),
                  static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
    return text;
}

std::string Zone::hour_text(int64_t hour) {
    const int64_t begin_min = floor_div(hour, kOffsetRange);
    const int64_t offset_min = hour - begin_min * kOffsetRange - kOffsetRange / 2;
    const int64_t local_min = begin_min + offset_min;
    const int64_t day = floor_div(local_min, 24 * 60);
    const auto hour_of_day = static_cast<int>((local_min - day * 24 * 60) / 60);
    const auto n_off = static_cast<int>(offset_min < 0 ? -offset_min : offset_min);
    char text[40];
    std::snprintf(text, sizeof text, "T%02d:00:00%c%02d:%02d", hour_of_day,
                  offset_min < 0 ? '-' : '+', n_off / 60, n_off % 60);
    return day_text(day) + text;
}

Result<UnixMillis> parse_report_time(const std::string& text, const std::string& time_zone) {
    const auto zone = Zone::find(time_zone);
    if (!zone) return tl::unexpected(zone.error());
    if (const auto day = zone->day_begin(text)) return *day;
    if (const auto instant = config::parse_rfc3339(text)) return *instant;
    return tl::unexpected(
        Error{Errc::query_invalid,
              "\"" + text + "\" is no time; write 2026-10-01 or 2026-10-01T00:00:00Z"});
}

}  // namespace billing
