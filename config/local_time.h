#pragma once
// The calendar and clock of a named time zone.
#include <optional>
#include <string>

#include "config/units.h"

namespace date {
class time_zone;
}

namespace config {

struct LocalTime {
    int day = 0;     // days since 1970-01-01, by the local calendar
    int minute = 0;  // of the day, as the clock shows it: 0 to 1439
    // 0 is Monday.
    int weekday() const { return ((day + 3) % 7 + 7) % 7; }
};

// Borrows a zone of the system's tables, which live as long as the process. "UTC" needs no tables.
// Any thread.
class TimeZone {
public:
    TimeZone() = default;  // UTC
    // An IANA name, as Asia/Shanghai. Nothing: there is no such zone on this machine.
    static std::optional<TimeZone> find(const std::string& name);

    LocalTime at(UnixMillis instant) const;

private:
    explicit TimeZone(const date::time_zone* zone) : zone_(zone) {}

    const date::time_zone* zone_ = nullptr;
};

// "2026-10-01" as days since 1970-01-01. Anything else, impossible dates included: nothing.
std::optional<int> parse_date(std::string_view text);
// "01:30" as minutes of the day; "24:00" is its end. Anything else: nothing.
std::optional<int> parse_time_of_day(std::string_view text);

}  // namespace config
