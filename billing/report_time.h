#pragma once
// Instants in an IANA time zone, for reports.
#include <string>

#include "billing/error.h"
#include "billing/types.h"

namespace date {
class time_zone;
}

namespace billing {

// A borrowed zone of the system's tables, which live as long as the process. "UTC" needs no tables.
class Zone {
public:
    // Errors: time_zone_unknown.
    static Result<Zone> find(const std::string& name);

    // When the day of `text`, "2026-10-01", begins. Nothing, if there is no such day.
    std::optional<UnixMillis> day_begin(const std::string& text) const;

    // Numbers that order as time does, and their text: "2026-10-01", "2026-10-01T13:00:00+08:00".
    // Every instant has exactly one day and one hour, also where clocks are set back.
    int64_t day(UnixMillis at);
    int64_t hour(UnixMillis at);
    static std::string day_text(int64_t day);
    static std::string hour_text(int64_t hour);

private:
    explicit Zone(const date::time_zone* zone) : zone_(zone) {}
    int64_t offset_s(UnixMillis at);

    const date::time_zone* zone_;  // nullptr: UTC
    // The span that the last answer holds for: instants come in order.
    int64_t known_begin_s_ = 0, known_end_s_ = 0, known_offset_s_ = 0;
};

}  // namespace billing
