// weir price show: what holds at an instant, figure by figure.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "billing/cost.h"
#include "billing/price_row.h"
#include "billing/report.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"
#include "gateway/telemetry/wall_clock.h"

namespace gateway {

namespace {

using config::LongContext;
using config::Rates;
using config::ServiceTier;
using nlohmann::ordered_json;

struct ClassName {
    const char* name;
    int64_t Rates::*rate;
    int64_t billing::TokenCounts::*tokens;
};
constexpr ClassName kClasses[] = {
    {"input", &Rates::input, &billing::TokenCounts::input_uncached},
    {"cache_read", &Rates::cache_read, &billing::TokenCounts::cache_read},
    {"cache_write", &Rates::cache_write, &billing::TokenCounts::cache_write},
    {"output", &Rates::output, &billing::TokenCounts::output_answer},
    {"reasoning", &Rates::reasoning, &billing::TokenCounts::output_reasoning},
};

// Every tier that is priced at that instant.
std::vector<billing::AppliedPrice> tiers_at(const config::Price& price, config::UnixMillis at) {
    std::vector<billing::AppliedPrice> tiers;
    for (size_t tier = 0; tier < config::kServiceTierCount; ++tier) {
        if (auto applied = billing::apply_price(price, at, static_cast<ServiceTier>(tier)))
            tiers.push_back(std::move(*applied));
    }
    return tiers;
}

// What a million tokens of one class come to, mark-up and currency included.
std::string usd_for_a_million(const config::Tariff& tariff, const Rates& rates,
                              const ClassName& name) {
    billing::TokenCounts tokens;
    tokens.*name.tokens = 1'000'000;
    config::Tariff plain = tariff;
    plain.rates = rates;
    plain.long_context = {};
    return config::to_string(billing::cost(tokens, plain));
}

std::string rate_of(const config::Tariff& tariff) {
    return config::to_string(config::NanoUsd{tariff.usd_per_unit});
}

std::string digest_of(const billing::AppliedPrice& price) {
    billing::Sha256 sha256;
    const std::string digest = to_row(sha256, price).digest;
    billing::Digest bytes{};
    std::copy(digest.begin(), digest.end(), bytes.begin());
    return billing::to_hex(bytes);
}

ordered_json rates_json(const config::Tariff& tariff, const Rates& rates) {
    ordered_json out;
    for (const ClassName& name : kClasses) {
        out[name.name] = {{"per_million", config::to_usd_per_million({rates.*name.rate})},
                          {"usd_for_a_million", usd_for_a_million(tariff, rates, name)}};
    }
    return out;
}

ordered_json rule_json(const config::Tariff& tariff) {
    const LongContext& rule = tariff.long_context;
    if (rule.n_tokens == 0) return nullptr;
    const bool is_input = rule.measured_on == LongContext::Measure::input;
    const bool is_whole = rule.applies_to == LongContext::Reach::whole_request;
    return {{"above_tokens", rule.n_tokens},
            {"inclusive", rule.inclusive},
            {"measured_on", is_input ? "input" : "input_and_output"},
            {"counts_cached", rule.counts_cached},
            {"applies_to", is_whole ? "whole_request" : "excess"},
            {"rates", rates_json(tariff, rule.rates)}};
}

ordered_json price_json(const config::Price& price, config::UnixMillis at) {
    ordered_json out{{"name", price.name}, {"holds", nullptr}, {"versions", ordered_json::array()}};
    for (const config::PriceVersion& version : price.versions) {
        ordered_json until;  // null: until the next one
        if (version.effective_until) until = config::to_rfc3339(*version.effective_until);
        out["versions"].push_back({{"version", version.name},
                                   {"effective_from", config::to_rfc3339(version.effective_from)},
                                   {"effective_until", until}});
    }
    const auto tiers = tiers_at(price, at);
    if (tiers.empty()) return out;
    const billing::AppliedPrice& first = tiers.front();
    ordered_json by_tier;
    for (const billing::AppliedPrice& applied : tiers) {
        by_tier[std::string(to_string(applied.tier))] = {
            {"rates", rates_json(applied.tariff, applied.tariff.rates)},
            {"long_context", rule_json(applied.tariff)}};
    }
    out["holds"] = {{"version", first.version},
                    {"window", first.window},
                    {"digest", digest_of(first)},
                    {"currency", first.currency},
                    {"usd_per_unit", rate_of(first.tariff)},
                    {"markup_ppm", first.tariff.markup_ppm},
                    {"tiers", std::move(by_tier)}};
    return out;
}

void print_rates(const std::string& title, const Rates& rates) {
    std::printf("  %-16s", title.c_str());
    for (const ClassName& name : kClasses)
        std::printf(" %12s", config::to_usd_per_million({rates.*name.rate}).c_str());
    std::printf("\n");
}

void print_rule(const config::Tariff& tariff) {
    const LongContext& rule = tariff.long_context;
    print_rates("  long", rule.rates);
    const bool is_whole = rule.applies_to == LongContext::Reach::whole_request;
    std::printf("    %s %lld tokens of %s%s: %s\n", rule.inclusive ? "from" : "above",
                static_cast<long long>(rule.n_tokens),
                rule.measured_on == LongContext::Measure::input ? "input" : "input and output",
                rule.counts_cached ? "" : ", cached ones not counted",
                is_whole ? "the whole request" : "the excess");
}

void print_paid(const config::Tariff& tariff) {
    std::printf("  %-16s", "clients pay, USD");
    for (const ClassName& name : kClasses)
        std::printf(" %12s", usd_for_a_million(tariff, tariff.rates, name).c_str());
    std::printf("\n");
}

void print_version(const config::PriceVersion& version, bool holds) {
    const std::string name = version.name.empty() ? "version" : "version " + version.name;
    const std::string until =
        version.effective_until ? " until " + config::to_rfc3339(*version.effective_until) : "";
    std::printf("  %s: from %s%s%s\n", name.c_str(),
                config::to_rfc3339(version.effective_from).c_str(), until.c_str(),
                holds ? ", holds" : "");
}

void print(const config::Price& price, config::UnixMillis at) {
    const config::PriceVersion* holding = price.version_at(at);
    std::printf("%s\n", price.name.c_str());
    for (const config::PriceVersion& version : price.versions)
        print_version(version, &version == holding);
    const auto tiers = tiers_at(price, at);
    if (tiers.empty()) {
        std::printf("  unpriced: requests are refused\n");
        return;
    }
    const billing::AppliedPrice& first = tiers.front();
    if (!holding->windows.empty()) {
        std::printf("  window: %s\n", first.window.empty() ? "outside all" : first.window.c_str());
    }
    if (first.currency != "USD") {
        std::printf("  1 %s is %s USD\n", first.currency.c_str(), rate_of(first.tariff).c_str());
    }
    if (first.tariff.markup_ppm != 0) {
        std::printf("  mark-up: %lld ppm\n", static_cast<long long>(first.tariff.markup_ppm));
    }
    std::printf("  digest: %s\n", digest_of(first).c_str());
    std::printf("  %-16s", (first.currency + " per million").c_str());
    for (const ClassName& name : kClasses) std::printf(" %12s", name.name);
    std::printf("\n");
    for (const billing::AppliedPrice& applied : tiers) {
        const config::Tariff& tariff = applied.tariff;
        print_rates(std::string(to_string(applied.tier)), tariff.rates);
        if (tariff.long_context.n_tokens > 0) print_rule(tariff);
        if (first.currency != "USD" || tariff.markup_ppm != 0) print_paid(tariff);
    }
}

struct PriceWords {
    std::string name;
    std::string at;
    bool json = false;
};

int show(const Invocation& invocation, const PriceWords& words) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    config::UnixMillis at = wall_clock_now();
    if (!words.at.empty()) {
        const auto asked = billing::parse_report_time(words.at, "UTC");
        if (!asked) {
            std::fprintf(stderr, "weir: %s\n", asked.error().detail.c_str());
            return kExitUsage;
        }
        at = *asked;
    }
    ordered_json all{{"at", config::to_rfc3339(at)}, {"prices", ordered_json::array()}};
    bool found = words.name.empty();
    for (const config::Price& price : config->prices) {
        if (!words.name.empty() && price.name != words.name) continue;
        found = true;
        if (words.json) {
            all["prices"].push_back(price_json(price, at));
        } else {
            print(price, at);
        }
    }
    if (!found) {
        std::fprintf(stderr, "weir: no price %s in %s; weir price show lists them\n",
                     words.name.c_str(), invocation.config_file.c_str());
        return kExitNo;
    }
    if (words.json) std::printf("%s\n", all.dump(2).c_str());
    return kExitOk;
}

}  // namespace

void add_price(CLI::App& app, Invocation& invocation) {
    CLI::App* price = app.add_subcommand("price", "What tokens cost; new prices for the config");
    price->require_subcommand(1);
    CLI::App* command = price->add_subcommand("show", "The figures that hold at an instant");
    const auto words = std::make_shared<PriceWords>();
    command->add_option("NAME", words->name, "One price (default: all of them)");
    command->add_option("--at", words->at, "2026-10-01 or 2026-10-01T00:00:00Z (default: now)");
    command->add_flag("--json", words->json);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return show(invocation, *words); };
    });
    add_price_import(*price, invocation);
}

}  // namespace gateway
