#pragma once
// The price book: what tokens cost, from when, at which hours, in which service tier. Everything
// that a charge is computed from is worked out when the file is read, in whole numbers: windows,
// factors and tiers never round.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/local_time.h"
#include "config/units.h"

namespace config {

// Stored in the ledger: never renumber.
enum class ServiceTier : uint8_t { standard, flex, priority, scale, batch };
inline constexpr size_t kServiceTierCount = 5;
std::string_view to_string(ServiceTier tier);
// One of the five words. Anything else: nothing.
std::optional<ServiceTier> parse_service_tier(std::string_view word);

// What one token of each class costs, in 1e-12 of the price's currency: pico-dollars, if that is
// USD. The classes are disjoint, each rate is >= 0.
struct Rates {
    int64_t input = 0, cache_read = 0, cache_write = 0, output = 0, reasoning = 0;
    friend auto operator<=>(const Rates&, const Rates&) = default;
};

// Other rates for long requests.
struct LongContext {
    enum class Measure : uint8_t { input, input_and_output };
    enum class Reach : uint8_t {
        whole_request,
        excess,  // prompt tokens beyond the threshold; output keeps its rates
    };
    int64_t n_tokens = 0;       // the threshold; 0: there is none
    bool inclusive = false;     // a request of n_tokens is long itself
    bool counts_cached = true;  // tokens read from a cache are measured too
    Measure measured_on = Measure::input;
    Reach applies_to = Reach::whole_request;
    Rates rates;
    friend auto operator<=>(const LongContext&, const LongContext&) = default;
};

inline constexpr int64_t kNanoPerUnit = 1'000'000'000;
inline constexpr int64_t kPartsPerMillion = 1'000'000;

// All numbers that a charge follows from, beside its tokens.
struct Tariff {
    Rates rates;
    LongContext long_context;
    int64_t usd_per_unit = kNanoPerUnit;  // 1e-9 USD for one unit of the currency, > 0
    int64_t markup_ppm = 0;               // on top of the rates, above -1,000,000
    friend auto operator<=>(const Tariff&, const Tariff&) = default;
};

// Hours of some days of the week, but for single dates; by the clock of the version's zone.
struct PriceWindow {
    struct Span {  // minutes of the day, half open
        int begin = 0, end = 0;
    };
    std::string name;
    std::vector<Span> hours;    // ascending, apart
    std::array<bool, 7> days;   // Monday first
    std::vector<int> excluded;  // days since 1970-01-01, ascending
    bool covers(const LocalTime& time) const;
};

struct PriceVersion {
    std::string name;                           // empty: the price's only one
    UnixMillis effective_from;                  // the first instant at which it holds
    std::optional<UnixMillis> effective_until;  // the first at which it does not; absent: see Price
    std::string currency;                       // "USD", "CNY"
    TimeZone time_zone;
    std::vector<PriceWindow> windows;  // no instant lies in two of them
    // [0]: outside all windows; [i + 1]: in windows[i]. A tier without a tariff is unpriced.
    std::vector<std::array<std::optional<Tariff>, kServiceTierCount>> tariffs;
    // The version as it is written in the file, in one line, keys sorted: what its digest is of.
    std::shared_ptr<const std::string> text;

    // The window of that instant; nullptr: outside all of them.
    const PriceWindow* window_at(UnixMillis at) const;
};

struct Price {
    std::string name;
    // By effective_from; each holds until the next one begins, or its own end if that is earlier.
    std::vector<PriceVersion> versions;
    // Nothing: no version holds at that instant.
    const PriceVersion* version_at(UnixMillis at) const;
};

}  // namespace config
