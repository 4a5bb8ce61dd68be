#include "config/price.h"

#include <catch2/catch.hpp>

#include "tests/config/sample.h"

using namespace config;

namespace {

// The price that `yaml`, what stands behind "p: ", comes to.
Price price_of(const std::string& yaml) {
    const Config config = sample::load(
        "version: 1\n"
        "upstreams: {u: {kind: openai_compatible, base_url: \"http://localhost:1\"}}\n"
        "endpoints: {e: {upstream: u, model: m, n_ctx: 100, output_tokens_max: 50, "
        "price: p}}\n"
        "routes: {r: {plan: [e]}}\n"
        "prices:\n  p: " +
        yaml + "\n");
    return config.prices.at(0);
}

UnixMillis at(const char* time) {
    return *parse_rfc3339(time);
}

std::string version_at(const Price& price, const char* time) {
    const PriceVersion* version = price.version_at(at(time));
    return version ? version->name : "none";
}

std::string window_at(const Price& price, const char* time) {
    const PriceWindow* window = price.versions.at(0).window_at(at(time));
    return window ? window->name : "none";
}

const Tariff& tariff(const PriceVersion& version, size_t row, ServiceTier tier) {
    return version.tariffs.at(row).at(static_cast<size_t>(tier)).value();
}

constexpr const char* kPeak = R"({effective_from: 2026-09-10T00:00:00Z,
    usd_per_million: {input: "0.15", cache_read: "0.003", output: "0.60"}, time_zone: Asia/Shanghai,
    windows: {peak: {hours: ["09:00-12:00", "14:00-18:00"],
      days: [monday, tuesday, wednesday, thursday, friday], excluded_dates: [2026-10-01, 2026-10-02],
      usd_per_million: {input: "0.30", cache_read: "0.006", output: "1.20"}}}})";

}  // namespace

TEST_CASE("price: a version holds from its instant until the next one's, or its own end",
          "[config]") {
    const Price price = price_of(R"({versions: {
      later: {effective_from: 2026-09-10T00:00:00+08:00, usd_per_million: {input: "2", output: "3"}},
      first: {effective_from: 2026-04-24T00:00:00Z, effective_until: 2026-08-16T16:00:00Z, usd_per_million: {input: "1", output: "2"}}}})");
    REQUIRE(price.versions.size() == 2);
    CHECK(price.versions[0].name == "first");
    CHECK(version_at(price, "2026-04-23T23:59:59.999Z") == "none");
    CHECK(version_at(price, "2026-04-24T00:00:00Z") == "first");
    CHECK(version_at(price, "2026-08-16T15:59:59.999Z") == "first");
    CHECK(version_at(price, "2026-08-16T16:00:00Z") == "none");
    CHECK(version_at(price, "2026-09-09T15:59:59.999Z") == "none");
    CHECK(version_at(price, "2026-09-09T16:00:00Z") == "later");
    CHECK(version_at(price, "2126-01-01T00:00:00Z") == "later");
}

TEST_CASE("price: a window is open by its zone's clock, on its days, but for excluded dates",
          "[config]") {
    const Price price = price_of(kPeak);
    // Wednesday, 2026-09-30, in Shanghai.
    CHECK(window_at(price, "2026-09-30T00:59:59.999Z") == "none");
    CHECK(window_at(price, "2026-09-30T01:00:00Z") == "peak");
    CHECK(window_at(price, "2026-09-30T03:59:59.999Z") == "peak");
    CHECK(window_at(price, "2026-09-30T04:00:00Z") == "none");
    CHECK(window_at(price, "2026-09-30T05:59:59.999Z") == "none");
    CHECK(window_at(price, "2026-09-30T06:00:00Z") == "peak");
    CHECK(window_at(price, "2026-09-30T09:59:59.999Z") == "peak");
    CHECK(window_at(price, "2026-09-30T10:00:00Z") == "none");
    // Excluded Thursday and Friday, then a weekend, then a working Monday.
    for (const char* closed : {"2026-10-01T02:00:00Z", "2026-10-02T09:59:59Z",
                               "2026-10-03T02:00:00Z", "2026-10-04T02:00:00Z"}) {
        CHECK(window_at(price, closed) == "none");
    }
    CHECK(window_at(price, "2026-10-05T02:00:00Z") == "peak");
}

TEST_CASE("price: a zone that sets its clock back has its window by the clock on the wall",
          "[config]") {
    const Price price = price_of(R"({effective_from: 2026-01-01T00:00:00Z,
      usd_per_million: {input: "1", output: "1"}, time_zone: Europe/Berlin, windows: {night:
        {hours: ["02:00-03:00"], factors: {input: "2", output: "2"}}}})");
    // 02:00 to 03:00 comes twice on the 25th of October, and not at all on the 29th of March.
    CHECK(window_at(price, "2026-10-24T23:59:59Z") == "none");
    CHECK(window_at(price, "2026-10-25T00:00:00Z") == "night");
    CHECK(window_at(price, "2026-10-25T01:30:00Z") == "night");
    CHECK(window_at(price, "2026-10-25T02:00:00Z") == "none");
    CHECK(window_at(price, "2026-03-29T00:59:59Z") == "none");
    CHECK(window_at(price, "2026-03-29T01:00:00Z") == "none");
}

TEST_CASE("price: a window up to 24:00 ends with its day", "[config]") {
    const Price price = price_of(R"({effective_from: 2026-01-01T00:00:00Z,
      usd_per_million: {input: "1", output: "1"}, windows: {late:
        {hours: ["22:00-24:00"], days: [sunday], factors: {input: "2", output: "2"}}}})");
    CHECK(window_at(price, "2026-10-04T21:59:59.999Z") == "none");
    CHECK(window_at(price, "2026-10-04T23:59:59.999Z") == "late");
    CHECK(window_at(price, "2026-10-05T00:00:00Z") == "none");
}

TEST_CASE("price: windows, tiers and long context multiply, and figures of their own replace",
          "[config]") {
    const Price price = price_of(R"({effective_from: 2026-01-01T00:00:00Z, markup_ppm: -20000,
      usd_per_million: {input: "5", cache_read: "0.5", cache_write: "6.25", output: "30", reasoning: "20"},
      windows: {peak: {hours: ["01:00-02:00"], factors: {input: "2", output: "3", reasoning: "4"}},
                low: {hours: ["02:00-03:00"], usd_per_million: {input: "1", output: "2"}}},
      long_context: {above_tokens: 272000, inclusive: true, measured_on: input_and_output, counts_cached: false,
        factors: {input: "2", output: "1.5"}},
      tiers: {flex: {factors: {input: "0.5", output: "0.5"}}, batch: {factors: {input: "0.1", output: "0.25"}}}})");
    const PriceVersion& version = price.versions.at(0);
    REQUIRE(version.tariffs.size() == 3);
    const Tariff& plain = tariff(version, 0, ServiceTier::standard);
    CHECK(plain.rates == Rates{5'000'000, 500'000, 6'250'000, 30'000'000, 20'000'000});
    CHECK(plain.long_context.rates ==
          Rates{10'000'000, 1'000'000, 12'500'000, 45'000'000, 30'000'000});
    CHECK(plain.long_context.n_tokens == 272'000);
    CHECK(plain.long_context.inclusive);
    CHECK_FALSE(plain.long_context.counts_cached);
    CHECK(plain.long_context.measured_on == LongContext::Measure::input_and_output);
    CHECK(plain.long_context.applies_to == LongContext::Reach::whole_request);
    CHECK(plain.markup_ppm == -20'000);
    CHECK(plain.usd_per_unit == kNanoPerUnit);
    const Tariff& peak_flex = tariff(version, 1, ServiceTier::flex);
    CHECK(peak_flex.rates == Rates{5'000'000, 500'000, 6'250'000, 45'000'000, 40'000'000});
    CHECK(peak_flex.long_context.rates.output == 67'500'000);
    CHECK(tariff(version, 2, ServiceTier::batch).rates ==
          Rates{100'000, 100'000, 100'000, 500'000, 500'000});
    CHECK_FALSE(version.tariffs[0][static_cast<size_t>(ServiceTier::priority)]);
}

TEST_CASE("price: figures in another currency, at a pinned rate", "[config]") {
    const Price price = price_of(R"({effective_from: 2026-10-17T00:00:00Z, currency: CNY,
      usd_per_unit: "0.140312345", per_million: {input: "1", cache_read: "0.02", output: "4"},
      long_context: {above_tokens: 10, applies_to: excess, per_million: {input: "2", output: "4"}},
      tiers: {flex: {factors: {input: "0.5", output: "0.5"}}}})");
    const PriceVersion& version = price.versions.at(0);
    CHECK(version.currency == "CNY");
    const Tariff& plain = tariff(version, 0, ServiceTier::standard);
    CHECK(plain.usd_per_unit == 140'312'345);
    CHECK(plain.rates.cache_read == 20'000);
    CHECK(plain.long_context.applies_to == LongContext::Reach::excess);
    CHECK(plain.long_context.rates == Rates{2'000'000, 2'000'000, 2'000'000, 4'000'000, 4'000'000});
    const Tariff& flex = tariff(version, 0, ServiceTier::flex);
    CHECK(flex.long_context.rates.input == 1'000'000);
    CHECK(flex.rates.output == 2'000'000);
}

TEST_CASE("price: the text of a version is what is written, however it is laid out", "[config]") {
    const std::string one =
        *price_of(
             R"({usd_per_million: {output: "2", input: "1"}, effective_from: 2026-01-01T00:00:00Z})")
             .versions.at(0)
             .text;
    CHECK(
        one ==
        R"({effective_from: "2026-01-01T00:00:00Z", usd_per_million: {input: "1", output: "2"}})");
    const std::string other = *price_of(
                                   "\n    effective_from: '2026-01-01T00:00:00Z'\n    "
                                   "usd_per_million:\n      input: \"1\"\n      output: \"2\"")
                                   .versions.at(0)
                                   .text;
    CHECK(other == one);
    const Price peak = price_of(kPeak);
    CHECK_THAT(*peak.versions.at(0).text,
               Catch::Contains("hours: [\"09:00-12:00\", \"14:00-18:00\"]"));
    CHECK_THAT(*peak.versions.at(0).text, !Catch::Contains("markup_ppm"));
}

TEST_CASE(
    "price: deploy/prices.yaml loads, all of it holds on the day it was checked, with sources",
    "[config]") {
    const auto known = [](const std::string&) -> std::optional<std::string> { return "key"; };
    const std::string text = sample::read("deploy/prices.yaml");
    const auto config = parse(text, "prices.yaml", {known, known});
    if (!config) FAIL(sample::told(config.error()));
    CHECK(config->prices.size() == 8);
    size_t n_versions = 0;
    for (const Price& price : config->prices) {
        CAPTURE(price.name);
        CHECK(price.version_at(at("2026-11-28T00:00:00Z")) != nullptr);
        n_versions += price.versions.size();
    }
    size_t n_sources = 0;
    for (size_t i = text.find("prices:\n"); (i = text.find(" read 2026-", i)) != text.npos; ++i)
        ++n_sources;
    CHECK(n_sources >= n_versions);
}

TEST_CASE("local time: days, minutes and weekdays, before 1970 too", "[config]") {
    const TimeZone utc;
    const LocalTime monday = utc.at(at("2026-11-30T23:59:59.999Z"));
    CHECK(monday.weekday() == 0);
    CHECK(monday.minute == 1'439);
    CHECK(utc.at(at("1969-12-31T23:59:00Z")).weekday() == 2);
    CHECK(utc.at(at("1969-12-31T23:59:00Z")).day == -1);
    const auto india = TimeZone::find("Asia/Kolkata");
    REQUIRE(india);
    CHECK(india->at(at("2026-11-29T18:30:00Z")).weekday() == 0);
    CHECK(india->at(at("2026-11-29T18:30:00Z")).minute == 0);
    CHECK_FALSE(TimeZone::find("Mars/Olympus"));
    CHECK_FALSE(TimeZone::find(""));
    CHECK_FALSE(TimeZone::find("../etc/passwd"));
    CHECK(parse_date("1970-01-02") == 1);
    for (const char* bad : {"2026-02-30", "2026-1-01", "2026-10-01Z", ""})
        CHECK_FALSE(parse_date(bad));
    CHECK(parse_time_of_day("24:00") == 1'440);
    for (const char* bad : {"24:01", "1:00", "01:60", "0100", "01:0a"}) {
        CHECK_FALSE(parse_time_of_day(bad));
    }
}
