#include "config/grammar_prices.h"

#include <algorithm>
#include <array>

#include "config/grammar_rows.h"

namespace config {

namespace {

constexpr Key price(std::string_view name, std::string_view help, int64_t max) {
    return number(Type::price, name, help, "", {0, max}, nullptr);
}
constexpr Key factor(std::string_view name, std::string_view help) {
    return number(Type::factor, name, help, "", {1, kFactorMax}, nullptr);
}
constexpr Key section(std::string_view name, std::string_view help, const Section& section) {
    return {.name = name, .type = Type::section, .help = help, .section = &section};
}
// Items below it are read from the tree.
void* nowhere(void*, const std::string&) {
    return nullptr;
}

constexpr Key kUsdKeys[] = {
    required(price("input", "Prompt tokens read anew.", kUsdPerMillionMax)),
    required(price("output", "Answer tokens.", kUsdPerMillionMax)),
    price("cache_read", "Prompt tokens out of a cache. Left out: as input.", kUsdPerMillionMax),
    price("cache_write", "Prompt tokens written to a cache. Left out: as input.",
          kUsdPerMillionMax),
    price("reasoning", "Thinking tokens. Left out: as output.", kUsdPerMillionMax),
};
constexpr Section kUsd{
    "USD per million tokens, decimals in quotes, at most six of them and at most 1000.", kUsdKeys};

constexpr Key kUnitsKeys[] = {
    required(price("input", "Prompt tokens read anew.", kPerMillionMax)),
    required(price("output", "Answer tokens.", kPerMillionMax)),
    price("cache_read", "Prompt tokens out of a cache. Left out: as input.", kPerMillionMax),
    price("cache_write", "Prompt tokens written to a cache. Left out: as input.", kPerMillionMax),
    price("reasoning", "Thinking tokens. Left out: as output.", kPerMillionMax),
};
constexpr Section kUnits{
    "As usd_per_million, in the units of currency; what they come to in USD is at most 1000.",
    kUnitsKeys};

constexpr Key kFactorKeys[] = {
    required(factor("input", "On prompt tokens read anew.")),
    required(factor("output", "On answer tokens.")),
    factor("cache_read", "On prompt tokens out of a cache. Left out: as input."),
    factor("cache_write", "On prompt tokens written to a cache. Left out: as input."),
    factor("reasoning", "On thinking tokens. Left out: as output."),
};
constexpr Section kFactors{
    "By how much the figures are multiplied, decimals in quotes, at most six of them. What comes "
    "out must have at most six decimals itself.",
    kFactorKeys};

constexpr Key kOwnUsd = section("usd_per_million", "Its own figures; or write factors.", kUsd);
constexpr Key kOwnUnits =
    section("per_million", "Its own figures in another currency; or write factors.", kUnits);
constexpr Key kOwnFactors = section("factors", "What it makes of the figures.", kFactors);

constexpr std::string_view kDayWords[] = {"monday", "tuesday",  "wednesday", "thursday",
                                          "friday", "saturday", "sunday"};
constexpr Key kWindowKeys[] = {
    required({.name = "hours",
              .type = Type::spans,
              .help = "When it is open, as \"01:00-04:00\": from the first minute to before the "
                      "last. 24:00 ends a day.",
              .min = 1}),
    {.name = "days",
     .type = Type::words,
     .help = "On which days of the week.",
     .fallback = "[monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
     .min = 1,
     .words = kDayWords},
    {.name = "excluded_dates",
     .type = Type::dates,
     .help = "Dates on which it stays closed, as 2026-10-01: public holidays."},
    kOwnUsd,
    kOwnUnits,
    kOwnFactors,
};
constexpr Section kWindow{
    "Hours with figures of their own, by the clock of time_zone. The instant of a request's hold "
    "decides for all of it.",
    kWindowKeys};

constexpr std::string_view kMeasureWords[] = {"input", "input_and_output"};
constexpr std::string_view kReachWords[] = {"whole_request", "excess"};
constexpr Key kLongContextKeys[] = {
    required(integer("above_tokens", "The threshold.", "", {1, kTokensMax}, nullptr)),
    scalar(Type::boolean, "inclusive", "Whether a request of exactly the threshold is long.",
           "false", nullptr),
    word("measured_on", "The tokens that are held against the threshold.", "input", kMeasureWords,
         nullptr),
    scalar(Type::boolean, "counts_cached", "Whether tokens out of a cache are measured too.",
           "true", nullptr),
    word("applies_to",
         "whole_request: every token of a long request costs so. excess: the end of the prompt "
         "beyond the threshold; tokens read anew stand last, those out of a cache first.",
         "whole_request", kReachWords, nullptr),
    kOwnUsd,
    kOwnUnits,
    kOwnFactors,
};
constexpr Section kLongContext{"What long requests cost.", kLongContextKeys};

constexpr Key kTierKeys[] = {kOwnUsd, kOwnUnits, kOwnFactors};
constexpr Section kTier{"A service tier that a client may ask for.", kTierKeys};
constexpr Key kTiersKeys[] = {
    section("flex", "May wait for others.", kTier),
    section("priority", "Goes before others; fast is another word for it.", kTier),
    section("scale", "Bought ahead.", kTier),
    section("batch", "Answered within hours.", kTier),
};
constexpr Section kTiers{
    "Service tiers beside the standard one. A tier that is not priced is refused; an engine serves "
    "flex at its standard price.",
    kTiersKeys};

constexpr Key kVersionKeys[] = {
    // Required where there are no versions.
    scalar(Type::time, "effective_from", "The instant from which it holds.", "", nullptr),
    scalar(Type::time, "effective_until",
           "The instant from which it does not. Left out: until the next version begins.", "",
           nullptr),
    section("usd_per_million", "The figures; or write per_million.", kUsd),
    scalar(Type::currency, "currency", "The currency of per_million, as CNY.", "", nullptr),
    number(Type::rate, "usd_per_unit",
           "USD for one unit of currency, in quotes, at most nine decimals: pinned, nothing looks "
           "it up.",
           "", {1, kUsdPerUnitMax}, nullptr),
    section("per_million", "The figures in the units of currency.", kUnits),
    integer("markup_ppm",
            "What clients pay on top of the figures, in millionths: 150000 is 15 %. Below 0: less.",
            "0", {-999'999, 10'000'000}, nullptr),
    scalar(Type::zone, "time_zone", "The clock of windows and excluded dates.", "UTC", nullptr),
    {.name = "windows",
     .type = Type::named,
     .help = "Hours with figures of their own, by name; none overlaps another.",
     .section = &kWindow,
     .append = &nowhere},
    section("long_context", "What long requests cost.", kLongContext),
    section("tiers", "Service tiers beside the standard one.", kTiers),
};
constexpr Section kVersion{"A price from an instant on.", kVersionKeys};

constexpr size_t kVersionKeyCount = std::size(kVersionKeys);
constexpr std::array<Key, kVersionKeyCount + 1> price_keys() {
    std::array<Key, kVersionKeyCount + 1> keys{};
    std::copy(std::begin(kVersionKeys), std::end(kVersionKeys), keys.begin());
    keys.back() = {.name = "versions",
                   .type = Type::named,
                   .help =
                       "Several versions, by name, instead of the keys above. A request has the "
                       "one that holds at the instant of its hold.",
                   .min = 1,
                   .section = &kVersion,
                   .append = &nowhere};
    return keys;
}
constexpr auto kPriceKeys = price_keys();

}  // namespace

const Section kPriceSection{
    "What tokens cost: one version, its keys written here, or several below versions. Every "
    "charge is rounded once, half to even, to a nano-dollar.",
    kPriceKeys};

}  // namespace config
