// What went wrong with costs in the field, each as one request and the exact amount that is right.
#include <catch2/catch.hpp>
#include <numeric>

#include "billing/cost.h"
#include "gateway/chat/charge.h"

using namespace gateway;
using billing::NanoUsd;

namespace {

config::Tariff usd(const char* input, const char* cache_read, const char* cache_write,
                   const char* output) {
    const auto pico = [](const char* text) { return config::parse_usd_per_million(text)->n; };
    return {{pico(input), pico(cache_read), pico(cache_write), pico(output), pico(output)},
            {},
            config::kNanoPerUnit,
            0};
}

const config::Tariff kSonnet = usd("3.00", "0.30", "3.75", "15.00");
const config::Tariff kGemini = usd("1.25", "0.625", "1.25", "10.00");
const config::Tariff kGpt55 = usd("5.00", "0.50", "5.00", "30.00");

AttemptEnd ended(AttemptEnd::Kind kind, std::optional<Usage> usage) {
    AttemptEnd end;
    end.kind = kind;
    end.usage = usage;
    end.finish_reason = kind == AttemptEnd::Kind::complete ? "stop" : "";
    end.failure = config::FailureClass::server_error;
    return end;
}

AttemptEnd complete(std::optional<Usage> usage) {
    return ended(AttemptEnd::Kind::complete, usage);
}

AttemptFacts held(int64_t n_prompt, int64_t n_output) {
    AttemptFacts facts;
    facts.n_prompt_estimate = n_prompt;
    facts.n_prompt_held = n_prompt;
    facts.n_output_held = n_output;
    return facts;
}

AttemptFacts with_text(AttemptFacts facts, int64_t n_text_bytes, bool client_gone = false) {
    facts.n_text_bytes = n_text_bytes;
    facts.client_gone = client_gone;
    return facts;
}

struct Case {
    const char* what;
    AttemptEnd end;
    AttemptFacts facts;
    config::Tariff tariff;
    const char* charged;
    const char* was;  // charged there, or shown; empty: the report says no amount
    uint32_t flags;
};

const std::vector<Case>& cases() {
    using Kind = AttemptEnd::Kind;
    static const std::vector<Case> all = {
        {"new-api 5235, 7195: hung up after output, all refunded",
         ended(Kind::cancelled, Usage{1'000, 0, 0, 500, 0}),
         with_text(held(1'000, 4'096), 2'000, true), kSonnet, "0.0105", "0", billing::flag_none},
        {"LiteLLM 37558, 39893: hung up, charged for one token of output",
         ended(Kind::cancelled, std::nullopt), with_text(held(1'000, 4'096), 2'000, true), kSonnet,
         "0.0105", "0.003015", billing::flag_estimated},
        {"new-api 4168: nothing came, the prompt was charged", ended(Kind::failed, std::nullopt),
         held(1'000, 4'096), kSonnet, "0", "0.003", billing::flag_none},
        {"new-api 5288: the text of an error was counted as an answer",
         ended(Kind::failed, Usage{1'000, 0, 0, 20, 0}), with_text(held(1'000, 4'096), 80), kSonnet,
         "0", "0.0033", billing::flag_none},
        {"llmgateway 3546: 1,165,619 estimated tokens of a model that gives 128,000",
         complete(std::nullopt), with_text(held(0, 128'000), 4 * 1'165'619), kSonnet, "1.92",
         "17.484285", billing::flag_estimated},
        {"llmgateway 3443, sub2api 6066: more stated than was ever held",
         complete(Usage{0, 0, 0, 1'544'667, 0}), held(0, 64'000), kSonnet, "0.96", "23.170005",
         billing::flag_usage_clamped},
        {"LiteLLM 40100: one of 1,088 streamed calls that showed as 0",
         complete(Usage{9'024, 0, 0, 976, 0}), held(9'024, 4'096), kSonnet, "0.041712", "0",
         billing::flag_none},
        {"LiteLLM 9812: 12,304 cached tokens, counted as new ones as well",
         complete(Usage{12'307, 0, 12'304, 550, 0}), held(12'307, 4'096), kSonnet, "0.054399",
         "0.091311", billing::flag_none},
        {"LiteLLM 14849: 262,960 tokens, 257,955 of them cached",
         complete(Usage{262'960, 257'955, 0, 1'744, 0}), held(262'960, 4'096), kGemini,
         "0.184918125", "0.7642", billing::flag_none},
        {"LiteLLM 40006, 31714: all but one cached, the one still costs",
         complete(Usage{27'147, 27'146, 0, 351, 0}), held(27'147, 4'096), kGpt55, "0.024108",
         "0.146265", billing::flag_none},
        {"LiteLLM 37992: 0 was stated, and is not the same as nothing",
         complete(Usage{0, 0, 0, 0, 0}), with_text(held(1'000, 4'096), 2'000), kSonnet, "0",
         "0.0105", billing::flag_usage_zero},
        {"pydantic-ai 2770: a counter that grows is its last value, not the sum of all",
         complete(Usage{2'000, 0, 0, 300, 100}), held(2'000, 4'096), kSonnet, "0.0105", "0.0165",
         billing::flag_none},
        {"a cached count above the prompt makes no credit",
         complete(Usage{100, 5'000, 700, 10, 20}), held(1'000, 4'096), kSonnet, "0.00018", "",
         billing::flag_usage_clamped},
    };
    return all;
}

}  // namespace

TEST_CASE("costs from the field: each comes out to the nano-dollar", "[charge]") {
    for (const Case& each : cases()) {
        INFO(each.what);
        const Charge charge = charge_for(each.end, each.facts);
        const NanoUsd amount =
            charge.settles ? billing::cost(charge.tokens, each.tariff) : NanoUsd{};
        CHECK(config::to_string(amount) == config::to_string(*config::parse_usd(each.charged)));
        if (*each.was != '\0') CHECK(amount != *config::parse_usd(each.was));
        CHECK(charge.flags == each.flags);
        CHECK(amount <=
              billing::cost_bound(each.facts.n_prompt_held, each.facts.n_output_held, each.tariff));
    }
}

TEST_CASE("costs from the field: 1,088 calls and 10.88 million tokens are 45.382656 USD",
          "[charge]") {
    NanoUsd sum;
    for (int i = 0; i < 1'088; ++i) sum += billing::cost({9'024, 0, 0, 976, 0}, kSonnet);
    CHECK(sum == *config::parse_usd("45.382656"));
}

TEST_CASE("costs from the field: a sum does not depend on its order", "[charge]") {
    // llmgateway 3585: three orders of the same rows gave three sums.
    std::vector<NanoUsd> charges;
    for (int64_t i = 1; i <= 2'000; ++i)
        charges.push_back(billing::cost({i * 7'919 % 100'003, i, 0, i * 31 % 997, i}, kGemini));
    const auto sum = [](const auto begin, const auto end) {
        return std::accumulate(begin, end, NanoUsd{});
    };
    CHECK(sum(charges.begin(), charges.end()) == sum(charges.rbegin(), charges.rend()));
    // otari 691: 0.6619999999999999 decided against 0.662.
    CHECK(*config::parse_usd("0.331") + *config::parse_usd("0.331") == *config::parse_usd("0.662"));
}

TEST_CASE("costs from the field: a hold has the prompt, also where no limit was named",
          "[charge]") {
    // one-api 1312: without max_tokens nothing of a long prompt was held.
    CHECK(billing::cost_bound(900'000, 1, kGpt55) == *config::parse_usd("4.50003"));
}
