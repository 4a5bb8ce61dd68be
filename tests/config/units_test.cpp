#include "config/units.h"

#include <catch2/catch.hpp>
#include <random>

using namespace config;

TEST_CASE("parse_usd: decimals with at most nine places, exactly", "[config]") {
    const auto [text, n] = GENERATE(table<std::string, int64_t>({
        {"0", 0},
        {"10", 10'000'000'000},
        {"10.00", 10'000'000'000},
        {"0.000000001", 1},
        {"0.1", 100'000'000},
        {"1.23456789", 1'234'567'890},
        {"1000000000", 1'000'000'000'000'000'000},
        {"1000000000.000000000", 1'000'000'000'000'000'000},
    }));
    REQUIRE(parse_usd(text).has_value());
    CHECK(parse_usd(text)->n == n);
}

TEST_CASE("parse_usd: anything else is nothing", "[config]") {
    const auto text =
        GENERATE(as<std::string>(), "", ".", "1.", ".5", "-1", "+1", "1e3", " 1", "1 ", "1,5", "01",
                 "00.5", "0.0000000001", "1000000000.000000001", "1000000001",
                 "99999999999999999999", "1.2.3", "0x1", "1_0", "$1", "\xD9\xA1");
    CAPTURE(text);
    CHECK_FALSE(parse_usd(text).has_value());
    CHECK_FALSE(parse_usd_per_million(text).has_value());
}

TEST_CASE("parse_usd: nul bytes are no digits", "[config]") {
    CHECK_FALSE(parse_usd(std::string_view("1\0", 2)).has_value());
    CHECK_FALSE(parse_usd(std::string_view("1.0\0", 4)).has_value());
}

TEST_CASE("to_string of an amount: exact, two decimals at least", "[config]") {
    CHECK(to_string(NanoUsd{0}) == "0.00");
    CHECK(to_string(NanoUsd{10'000'000'000}) == "10.00");
    CHECK(to_string(NanoUsd{123'000}) == "0.000123");
    CHECK(to_string(NanoUsd{-1'500'000'000}) == "-1.50");
    CHECK(to_string(NanoUsd{1}) == "0.000000001");
    CHECK(to_string(NanoUsd{INT64_MIN}) == "-9223372036.854775808");
    CHECK(to_string(NanoUsd{INT64_MAX}) == "9223372036.854775807");
}

TEST_CASE("amounts and prices read back as they were written", "[config]") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 20'000; ++i) {
        // Every magnitude alike, not only the largest.
        const auto n = static_cast<int64_t>(random() % (1ULL << (1 + random() % 59)));
        CAPTURE(n);
        REQUIRE(parse_usd(to_string(NanoUsd{n}))->n == n);
        const int64_t price = n % 1'000'000'000'001;
        REQUIRE(parse_usd_per_million(to_usd_per_million(PicoUsd{price}))->n == price);
    }
}

TEST_CASE("parse_usd_per_million: one picodollar per token is the sixth decimal", "[config]") {
    CHECK(parse_usd_per_million("0.000001")->n == 1);
    CHECK(parse_usd_per_million("30.00")->n == 30'000'000);
    CHECK(parse_usd_per_million("1000000")->n == 1'000'000'000'000);
    CHECK_FALSE(parse_usd_per_million("1000000.000001").has_value());
    CHECK_FALSE(parse_usd_per_million("0.0000001").has_value());
    CHECK(to_usd_per_million(PicoUsd{28'000}) == "0.028");
}

TEST_CASE("parse_rfc3339: instants", "[config]") {
    const auto [text, ms] = GENERATE(table<std::string, int64_t>({
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-10-01T00:00:00Z", 1'790'812'800'000},
        {"2026-10-01T02:00:00+02:00", 1'790'812'800'000},
        {"2026-09-30T18:30:00-05:30", 1'790'812'800'000},
        {"2026-10-01T00:00:00.5Z", 1'790'812'800'500},
        {"2026-10-01T00:00:00.005Z", 1'790'812'800'005},
        {"2024-02-29T12:00:00Z", 1'709'208'000'000},
    }));
    CAPTURE(text);
    REQUIRE(parse_rfc3339(text).has_value());
    CHECK(parse_rfc3339(text)->ms == ms);
}

TEST_CASE("parse_rfc3339: anything else is nothing", "[config]") {
    const auto text =
        GENERATE(as<std::string>(), "", "2026-10-01", "2026-10-01T00:00:00", "2026-10-01 00:00:00Z",
                 "2026-10-01t00:00:00z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                 "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-10-01T24:00:00Z",
                 "2026-10-01T00:60:00Z", "2026-10-01T00:00:60Z", "2026-10-01T00:00:00.Z",
                 "2026-10-01T00:00:00.1234Z", "2026-10-01T00:00:00+24:00",
                 "2026-10-01T00:00:00+0200", "2026-10-01T00:00:00ZZ", "26-10-01T00:00:00Z",
                 "2026-1-01T00:00:00Z", "+2026-10-01T00:00:00Z");
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text).has_value());
}

TEST_CASE("instants read back as they were written", "[config]") {
    CHECK(to_rfc3339(UnixMillis{1'790'812'800'000}) == "2026-10-01T00:00:00.000Z");
    CHECK(to_rfc3339(UnixMillis{-1}) == "1969-12-31T23:59:59.999Z");
    std::mt19937_64 random(2);
    for (int i = 0; i < 20'000; ++i) {
        // Years 0000 to 9999.
        const int64_t ms =
            static_cast<int64_t>(random() % 315'569'433'600'000) - 62'167'219'200'000;
        CAPTURE(ms);
        REQUIRE(parse_rfc3339(to_rfc3339(UnixMillis{ms}))->ms == ms);
    }
}

TEST_CASE("parse_duration: a whole number and one unit", "[config]") {
    CHECK(parse_duration("250ms")->count() == 250);
    CHECK(parse_duration("30s")->count() == 30'000);
    CHECK(parse_duration("5m")->count() == 300'000);
    CHECK(parse_duration("2h")->count() == 7'200'000);
    CHECK(parse_duration("0s")->count() == 0);
    CHECK(parse_duration("8760h")->count() == 31'536'000'000);
    const auto text = GENERATE(as<std::string>(), "", "30", "s", "ms", "1.5s", "-1s", "+1s", "01s",
                               "30 s", "1d", "30S", "1m30s", "8761h", "99999999999999999999s");
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
}

TEST_CASE("parse_bytes: a whole number and one unit", "[config]") {
    CHECK(*parse_bytes("64B") == 64);
    CHECK(*parse_bytes("32KiB") == 32 << 10);
    CHECK(*parse_bytes("32MiB") == 32 << 20);
    CHECK(*parse_bytes("2GiB") == 2LL << 30);
    CHECK(*parse_bytes("1024GiB") == 1LL << 40);
    const auto text = GENERATE(as<std::string>(), "", "32", "MiB", "1.5MiB", "-1B", "01B", "32MB",
                               "32 MiB", "32mib", "1025GiB", "1TiB", "99999999999999999999B");
    CAPTURE(text);
    CHECK_FALSE(parse_bytes(text).has_value());
}
