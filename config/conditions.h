#pragma once
// What the requests are that a route gives to an endpoint of its plan, and to how many.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/local_time.h"
#include "config/price.h"

namespace config {

// A label or a header that a request must have, with one of `values`. None: with any.
struct NamedMatch {
    std::string name;  // of a header: in lower case
    std::vector<std::string> values;
};

// Hours of days of the week, by the clock of a zone.
struct OpenHours {
    TimeZone time_zone;
    PriceWindow window;  // without a name
    bool covers(UnixMillis at) const { return window.covers(time_zone.at(at)); }
};

// All that is set must hold.
struct Condition {
    std::vector<NamedMatch> labels;         // of the key
    std::vector<NamedMatch> headers;        // of the request
    int64_t prompt_tokens_min = 0;          // by estimate
    int64_t prompt_tokens_max = INT64_MAX;  // the longest that is taken
    std::optional<OpenHours> hours;
};

// An endpoint that is tried before the plan by a share of the users, and by nobody else.
struct Canary {
    enum class By : uint8_t { user, request };
    size_t endpoint = 0;        // index into Config::endpoints; not in the plan
    int64_t share_percent = 0;  // in millionths of a per cent: 500000 is 0.5 %
    By by = By::user;
};

// How much cost, latency and quality count beside each other. Not all are 0.
struct Balance {
    int64_t cost = 1, latency = 1, quality = 1;
};

// What a request may need of the model beyond text in and text out.
enum class Capability : uint8_t { tools, json_schema, vision };
inline constexpr size_t kCapabilityCount = 3;
std::string_view to_string(Capability capability);

}  // namespace config
