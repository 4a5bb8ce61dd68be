// From the price book in the file to the charge of a request.
#include "billing/applied_price.h"

#include <catch2/catch.hpp>

#include "billing/cost.h"
#include "billing/price_row.h"
#include "billing/request_view.h"
#include "config/loader.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;
using config::ServiceTier;

namespace {

config::Price price_from(const std::string& yaml) {
    const auto config = config::parse(
        "version: 1\n"
        "upstreams: {u: {kind: openai_compatible, base_url: \"http://localhost:1\"}}\n"
        "endpoints: {e: {upstream: u, model: m, n_ctx: 100, output_tokens_max: 50, price: p}}\n"
        "routes: {r: {plan: [e]}}\nprices:\n  p: " +
            yaml + "\n",
        "weir.yaml", {});
    if (!config) throw std::runtime_error(to_string(config.error().at(0)));
    return config->prices.at(0);
}

// The prices of deploy/prices.yaml.
const config::Price& shipped(std::string_view name) {
    static const config::Config config = [] {
        const auto known = [](const std::string&) -> std::optional<std::string> { return "key"; };
        auto loaded = config::load(WEIR_SOURCE_DIR "/deploy/prices.yaml", {known, known});
        if (!loaded) throw std::runtime_error(to_string(loaded.error().at(0)));
        return std::move(*loaded);
    }();
    for (const config::Price& price : config.prices) {
        if (price.name == name) return price;
    }
    throw std::runtime_error("deploy/prices.yaml has no such price");
}

UnixMillis at(const char* time) {
    return *config::parse_rfc3339(time);
}

NanoUsd usd(const char* amount) {
    return *config::parse_usd(amount);
}

NanoUsd cost_at(const config::Price& price, const char* time, const TokenCounts& tokens,
                ServiceTier tier = ServiceTier::standard) {
    return cost(tokens, must(apply_price(price, at(time), tier)).tariff);
}

constexpr const char* kNow = "2026-11-24T05:00:00Z";

}  // namespace

TEST_CASE("apply_price: GPT-5.5 above 272,000 prompt tokens costs twice in and half more out",
          "[billing]") {
    const config::Price& gpt55 = shipped("gpt-5.5");
    // All input costs the long rate, cached tokens count, and the threshold itself is not long.
    CHECK(cost_at(gpt55, kNow, {271'999, 0, 0, 1'000, 0}) == usd("1.389995"));
    CHECK(cost_at(gpt55, kNow, {272'000, 0, 0, 1'000, 0}) == usd("1.39"));
    CHECK(cost_at(gpt55, kNow, {272'001, 0, 0, 1'000, 0}) == usd("2.76501"));
    CHECK(cost_at(gpt55, kNow, {1'000, 270'999, 0, 0, 1'000}) == usd("0.1704995"));
    CHECK(cost_at(gpt55, kNow, {1'000, 271'000, 0, 0, 1'000}) == usd("0.1705"));
    CHECK(cost_at(gpt55, kNow, {1'000, 271'001, 0, 0, 1'000}) == usd("0.326001"));
    // The answer is not measured.
    CHECK(cost_at(gpt55, kNow, {272'000, 0, 0, 128'000, 0}) == usd("5.2"));
    const config::Tariff tariff = must(apply_price(gpt55, at(kNow), ServiceTier::standard)).tariff;
    CHECK(cost_bound(272'000, 1'000, tariff) == usd("1.39"));
    CHECK(cost_bound(272'001, 1'000, tariff) == usd("2.76501"));
}

TEST_CASE("cost: thresholds inclusive, without cached tokens, over all tokens, for the excess",
          "[billing]") {
    const auto rule = [](const std::string& rest, const TokenCounts& tokens) {
        return cost_at(price_from("{effective_from: 2026-01-01T00:00:00Z, usd_per_million: "
                                  "{input: \"1\", cache_read: \"0.1\", output: \"2\"}, "
                                  "long_context: {above_tokens: 100, " +
                                  rest + "}}"),
                       kNow, tokens)
            .n;
    };
    const std::string twice = "factors: {input: \"2\", output: \"2\"}";
    CHECK(rule(twice, {100, 0, 0, 10, 0}) == 120'000);
    CHECK(rule("inclusive: true, " + twice, {99, 0, 0, 10, 0}) == 119'000);
    CHECK(rule("inclusive: true, " + twice, {100, 0, 0, 10, 0}) == 240'000);
    CHECK(rule("counts_cached: false, " + twice, {100, 50, 0, 0, 0}) == 105'000);
    CHECK(rule("counts_cached: false, " + twice, {60, 50, 41, 0, 0}) == 212'000);
    CHECK(rule("measured_on: input_and_output, " + twice, {80, 0, 0, 10, 10}) == 120'000);
    CHECK(rule("measured_on: input_and_output, " + twice, {80, 0, 0, 10, 11}) == 244'000);
    const std::string beyond = "applies_to: excess, factors: {input: \"3\", output: \"1\"}";
    CHECK(rule(beyond, {100, 0, 0, 10, 0}) == 120'000);
    CHECK(rule(beyond, {105, 0, 0, 10, 0}) == 100'000 + 15'000 + 20'000);
    CHECK(rule("inclusive: true, " + beyond, {105, 0, 0, 10, 0}) == 99'000 + 18'000 + 20'000);
    // The end of the prompt was read anew; what was cached stands at its beginning.
    CHECK(rule(beyond, {10, 200, 0, 0, 0}) == 30'000 + 10'000 + 3 * 10'000);
    CHECK(rule("counts_cached: false, " + beyond, {110, 200, 0, 0, 0}) ==
          100'000 + 30'000 + 20'000);
}

TEST_CASE("apply_price: DeepSeek's peak windows, at their edges and on holidays", "[billing]") {
    const TokenCounts tokens{1'000'000, 1'000'000, 0, 500'000, 500'000};
    const NanoUsd off = usd("0.753");
    const NanoUsd peak = usd("1.506");
    const config::Price& flash = shipped("deepseek-flash");
    const std::pair<const char*, NanoUsd> cases[] = {
        {"2026-09-30T00:59:59.999Z", off},
        {"2026-09-30T01:00:00Z", peak},
        {"2026-09-30T03:59:59.999Z", peak},
        {"2026-09-30T04:00:00Z", off},
        {"2026-09-30T05:59:59.999Z", off},
        {"2026-09-30T06:00:00Z", peak},
        {"2026-09-30T09:59:59.999Z", peak},
        {"2026-09-30T10:00:00Z", off},
        // The first of the national holidays, the last, and the working day behind it.
        {"2026-10-01T01:00:00Z", off},
        {"2026-10-07T09:59:59.999Z", off},
        {"2026-10-08T01:00:00Z", peak},
        {"2026-09-25T02:00:00Z", off},
        {"2026-09-24T02:00:00Z", peak},
        // A Saturday and a Sunday; a Friday's last window, by Beijing's clock 18:00.
        {"2026-11-28T02:00:00Z", off},
        {"2026-11-29T09:00:00Z", off},
        {"2026-11-27T09:59:59.999Z", peak},
    };
    for (const auto& [time, amount] : cases) {
        CAPTURE(time);
        CHECK(cost_at(flash, time, tokens) == amount);
    }
    const AppliedPrice applied =
        must(apply_price(flash, at("2026-11-27T02:00:00Z"), ServiceTier::standard));
    CHECK(applied.window == "peak");
    CHECK(applied.effective_from == at("2026-09-10T00:00:00Z"));
    const config::Price& pro = shipped("deepseek-v4-pro");
    CHECK(cost_at(pro, "2026-09-30T01:00:00Z", tokens) == usd("5.324"));
    CHECK(cost_at(pro, "2026-09-30T04:00:00Z", tokens) == usd("2.662"));
}

TEST_CASE("apply_price: no version, no tier: unpriced, and never for nothing", "[billing]") {
    const config::Price price = price_from(
        "{effective_from: 2026-10-01T00:00:00Z, effective_until: 2026-11-01T00:00:00Z, "
        "usd_per_million: {input: \"0\", output: \"1\"}, "
        "tiers: {flex: {factors: {input: \"1\", output: \"0.5\"}}}}");
    for (const char* time : {"2026-09-30T23:59:59.999Z", "2026-11-01T00:00:00Z"}) {
        const auto applied = apply_price(price, at(time), ServiceTier::standard);
        REQUIRE_FALSE(applied);
        CHECK(applied.error().code == Errc::unpriced);
    }
    const char* inside = "2026-10-15T00:00:00Z";
    CHECK(apply_price(price, at(inside), ServiceTier::priority).error().code == Errc::unpriced);
    CHECK(cost_at(price, inside, {5, 0, 0, 1'000, 0}, ServiceTier::flex) == usd("0.0005"));
    CHECK(cost_at(price, inside, {5, 0, 0, 1'000, 0}) == usd("0.001"));
}

// Instants of a ledger never go back: those of a test lie behind that of its account.
TEST_CASE("price: a request keeps the price of its RESERVE across midnight and a change",
          "[billing]") {
    const config::Price price = price_from(
        R"({versions: {old: {effective_from: 2046-09-01T00:00:00Z, usd_per_million: {input: "1", output: "2"}},
            new: {effective_from: 2046-11-01T00:00:00Z, usd_per_million: {input: "10", output: "20"},
              windows: {early: {hours: ["00:00-01:00"], factors: {input: "2", output: "2"}}}}}})");
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const auto charge = [&](const char* reserved, const char* settled) {
        const Hold hold = ledger.reserve(alice, kCent, at(reserved));
        const AppliedPrice applied = must(apply_price(price, hold.at, ServiceTier::standard));
        Waiter waiter;
        const NanoUsd charged = ledger.billing().settle(
            hold, settlement(applied, {10, 0, 0, 5, 0}, at(settled)), &waiter);
        waiter.wait();
        CHECK(must(find_request(ledger.path(), hold.request)).ending->price == applied);
        return charged;
    };
    CHECK(charge("2046-10-31T23:59:59.999Z", "2046-11-01T00:10:00Z") == NanoUsd{20'000});
    CHECK(charge("2046-11-01T00:59:59.999Z", "2046-11-01T01:10:00Z") == NanoUsd{400'000});
    CHECK(charge("2046-11-01T01:10:00Z", "2046-11-02T00:30:00Z") == NanoUsd{200'000});
    // Every version that was used is kept: its own figures, what it said, and the digest of that.
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
    CHECK(ledger.query("SELECT count(*) FROM prices WHERE name = 'p'") == 3);
    CHECK(ledger.query("SELECT count(DISTINCT digest) FROM prices") == 2);
    CHECK(ledger.query("SELECT count(*) FROM prices WHERE version = 'new' AND window = 'early' "
                       "AND input = 20000000 AND text LIKE '%early: {factors:%'") == 1);
}

TEST_CASE("price: a clock set back gives the instant of the entry before, and its price",
          "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const UnixMillis last{ledger.reserve(alice, kCent, at("2046-12-01T00:00:00Z")).at};
    UnixMillis asked;
    Waiter waiter;
    const auto hold = ledger.billing().reserve({alice, "route-a", kCent, at("2046-11-30T00:00:00Z"),
                                                [&](UnixMillis instant) {
                                                    asked = instant;
                                                    return Result<NanoUsd>(NanoUsd{123});
                                                }},
                                               waiter);
    REQUIRE(hold);
    CHECK(waiter.wait());
    CHECK(asked == last);
    CHECK(hold->at == last);
    CHECK(hold->amount == NanoUsd{123});
    const auto refused = ledger.billing().reserve(
        {alice, "route-a", kCent, at("2046-11-30T00:00:00Z"),
         [](UnixMillis) {
             return Result<NanoUsd>(tl::unexpected(Error{Errc::unpriced, {}}));
         }},
        waiter);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::unpriced);
    CHECK(ledger.query("SELECT count(*) FROM entries WHERE kind = 1") == 2);
}

TEST_CASE("verify: a price that begins after the RESERVE it was used for is found", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const Hold hold = ledger.reserve(alice, kCent, at("2026-10-01T00:00:00Z"));
    AppliedPrice later = plain_price();
    later.effective_from = {hold.at.ms + 1};
    Waiter waiter;
    ledger.billing().settle(hold, settlement(later, {1, 0, 0, 0, 0}), &waiter);
    waiter.wait();
    ledger.close();
    CHECK_THAT(must(verify(ledger.path())).first_bad,
               Catch::Contains("its price begins after its RESERVE"));
}

TEST_CASE("price rows: what no price comes to is none, and the digest is that of the text",
          "[billing]") {
    Sha256 sha256;
    const PriceRow row = to_row(sha256, plain_price());
    CHECK(to_price(row) == plain_price());
    CHECK(has_true_digest(sha256, row));
    CHECK_FALSE(row.is_of_schema_1());
    for (size_t i = 1; i < row.numbers.size(); ++i) {
        PriceRow broken = row;
        broken.numbers[i] = i == 8 ? -1'000'000 : -1;
        INFO("number " << i);
        CHECK_FALSE(to_price(broken));
    }
    PriceRow other = row;
    other.text += " ";
    CHECK_FALSE(has_true_digest(sha256, other));
}
