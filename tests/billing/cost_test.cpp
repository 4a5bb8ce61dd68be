#include "billing/cost.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

using namespace billing;

namespace {

// Schoolbook arithmetic on decimal digits, least first: slow, plain, and nothing like what it
// checks.
using Digits = std::vector<int>;

Digits digits(int64_t n) {
    Digits result;
    for (; n > 0; n /= 10) result.push_back(static_cast<int>(n % 10));
    return result;
}

Digits add(const Digits& a, const Digits& b) {
    Digits sum;
    int carry = 0;
    for (size_t i = 0; i < std::max(a.size(), b.size()) || carry != 0; ++i) {
        carry += (i < a.size() ? a[i] : 0) + (i < b.size() ? b[i] : 0);
        sum.push_back(carry % 10);
        carry /= 10;
    }
    return sum;
}

Digits multiply(const Digits& a, const Digits& b) {
    Digits product(a.size() + b.size() + 1, 0);
    for (size_t i = 0; i < a.size(); ++i) {
        for (size_t j = 0; j < b.size(); ++j) product[i + j] += a[i] * b[j];
        for (size_t k = 0; k + 1 < product.size(); ++k) {
            product[k + 1] += product[k] / 10;
            product[k] %= 10;
        }
    }
    return product;
}

enum class Round { half_even, up };

// Drops three digits; INT64_MAX if the rest is above it.
int64_t rounded(Digits pico, Round how) {
    pico.resize(std::max<size_t>(pico.size(), 4) + 1, 0);
    const int rest = pico[0] + 10 * pico[1] + 100 * pico[2];
    const bool is_odd = pico[3] % 2 == 1;
    const bool goes_up = how == Round::up ? rest > 0 : rest > 500 || (rest == 500 && is_odd);
    Digits nano(pico.begin() + 3, pico.end());
    if (goes_up) nano = add(nano, {1});
    while (!nano.empty() && nano.back() == 0) nano.pop_back();
    const Digits most = digits(std::numeric_limits<int64_t>::max());
    const bool is_above =
        nano.size() != most.size()
            ? nano.size() > most.size()
            : std::lexicographical_compare(most.rbegin(), most.rend(), nano.rbegin(), nano.rend());
    if (is_above) return std::numeric_limits<int64_t>::max();
    int64_t n = 0;
    for (size_t i = nano.size(); i-- > 0;) n = n * 10 + nano[i];
    return n;
}

NanoUsd model_cost(const TokenCounts& t, const config::Tariff& tariff) {
    const config::Rates& p = tariff.rates;
    Digits sum;
    const std::pair<int64_t, int64_t> terms[] = {{t.input_uncached, p.input},
                                                 {t.cache_read, p.cache_read},
                                                 {t.cache_write, p.cache_write},
                                                 {t.output_answer, p.output},
                                                 {t.output_reasoning, p.reasoning}};
    for (const auto& [n, price] : terms) sum = add(sum, multiply(digits(n), digits(price)));
    return {rounded(sum, Round::half_even)};
}

config::Tariff tariff(const config::Rates& rates) {
    return {rates, {}, config::kNanoPerUnit, 0};
}

config::Tariff usd(const char* input, const char* cache_read, const char* cache_write,
                   const char* output) {
    const auto pico = [](const char* text) { return config::parse_usd_per_million(text)->n; };
    return tariff({pico(input), pico(cache_read), pico(cache_write), pico(output), pico(output)});
}

}  // namespace

TEST_CASE("cost: one rounding, half to even", "[billing]") {
    const config::Tariff price = tariff({1, 1, 1, 1, 1});
    const auto of = [&](int64_t n_pico) { return cost({n_pico, 0, 0, 0, 0}, price).n; };
    CHECK(of(0) == 0);
    CHECK(of(499) == 0);
    CHECK(of(500) == 0);
    CHECK(of(501) == 1);
    CHECK(of(1'499) == 1);
    CHECK(of(1'500) == 2);
    CHECK(of(2'500) == 2);
    CHECK(of(3'500) == 4);
    // Five halves make 2.5: rounded one by one they would make 0.
    CHECK(cost({500, 500, 500, 500, 500}, price).n == 2);
}

TEST_CASE("cost: equals schoolbook arithmetic on random input, ties and huge values included",
          "[billing]") {
    std::mt19937_64 random(20261001);
    const auto below_bits = [&](int bits) { return static_cast<int64_t>(random() >> (64 - bits)); };
    for (int i = 0; i < 30'000; ++i) {
        const int bits = 1 + static_cast<int>(random() % 63);
        const auto count = [&] { return below_bits(i % 3 == 0 ? bits : 22); };
        const auto price_n = [&] { return i % 2 == 0 ? below_bits(bits) : below_bits(8) * 500; };
        const TokenCounts tokens{count(), count(), count(), count(), count()};
        const config::Tariff price =
            tariff({price_n(), price_n(), price_n(), price_n(), price_n()});
        INFO("round " << i);
        REQUIRE(cost(tokens, price) == model_cost(tokens, price));
    }
}

TEST_CASE("cost: saturates instead of turning negative", "[billing]") {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    const config::Tariff price = tariff({kMost, kMost, kMost, kMost, kMost});
    CHECK(cost({kMost, kMost, kMost, kMost, kMost}, price).n == kMost);
    CHECK(cost_bound(kMost, kMost, price).n == kMost);
    CHECK(cost({kMost, 0, 0, 0, 0}, tariff({1'000, 0, 0, 0, 0})).n == kMost);
}

TEST_CASE("cost_bound: no usage within its counts ever costs more", "[billing]") {
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
        const auto pico = [&] { return static_cast<int64_t>(random() % 90'000'001); };
        config::Tariff price = tariff({pico(), pico(), pico(), pico(), pico()});
        config::LongContext& rule = price.long_context;
        rule = {static_cast<int64_t>(random() % 1'100'000),
                random() % 2 == 0,
                random() % 2 == 0,
                static_cast<config::LongContext::Measure>(random() % 2),
                static_cast<config::LongContext::Reach>(random() % 2),
                {pico(), pico(), pico(), pico(), pico()}};
        price.usd_per_unit = 1 + static_cast<int64_t>(random() % 3'000'000'000);
        price.markup_ppm = static_cast<int64_t>(random() % 1'000'000) - 500'000;
        const auto n_prompt = static_cast<int64_t>(random() % 1'000'001);
        const auto n_output = static_cast<int64_t>(random() % 100'001);
        TokenCounts tokens;
        tokens.input_uncached =
            static_cast<int64_t>(random() % static_cast<uint64_t>(n_prompt + 1));
        tokens.cache_read = static_cast<int64_t>(
            random() % static_cast<uint64_t>(n_prompt - tokens.input_uncached + 1));
        tokens.cache_write = n_prompt - tokens.input_uncached - tokens.cache_read;
        tokens.output_answer = static_cast<int64_t>(random() % static_cast<uint64_t>(n_output + 1));
        tokens.output_reasoning = n_output - tokens.output_answer;
        REQUIRE(cost(tokens, price) <= cost_bound(n_prompt, n_output, price));
    }
    CHECK(cost_bound(1, 0, tariff({1, 0, 0, 0, 0})).n == 1);  // up, not to even
}

TEST_CASE("cost: mark-up and rate come before the one rounding", "[billing]") {
    config::Tariff price = tariff({1, 0, 0, 0, 0});
    const auto of = [&](int64_t n_pico) { return cost({n_pico, 0, 0, 0, 0}, price).n; };
    price.markup_ppm = 500'000;
    CHECK(of(333) == 0);    // 0.4995 nano-dollars
    CHECK(of(334) == 1);    // 0.501
    CHECK(of(1'000) == 2);  // 1.5 to even
    CHECK(of(3'000) == 4);  // 4.5 to even
    price.markup_ppm = -999'999;
    CHECK(of(500'000'000) == 0);  // 0.5
    CHECK(of(500'000'001) == 1);
    price.markup_ppm = 0;
    price.usd_per_unit = 140'300'000;
    CHECK(of(1'000'000) == 140);     // 140.3
    CHECK(of(5'000'000) == 702);     // 701.5 to even
    CHECK(of(15'000'000) == 2'104);  // 2,104.5 to even
    CHECK(cost({1'000'000, 0, 0, 0, 0}, without_markup({{2, 0, 0, 0, 0}, {}, 1'000'000'000, 7})) ==
          NanoUsd{2'000});
}

TEST_CASE("cost_parts: add up to the cost, each within a nano-dollar of its share", "[billing]") {
    const config::Tariff price = tariff({1, 1, 1, 1, 1});
    const CostParts parts = cost_parts({500, 500, 500, 500, 500}, price);
    CHECK(parts.input_uncached == NanoUsd{0});
    CHECK(parts.cache_read == NanoUsd{1});
    CHECK(parts.cache_write == NanoUsd{1});  // 1.5 is 2
    CHECK(parts.output_answer == NanoUsd{0});
    CHECK(parts.output_reasoning == NanoUsd{0});
    CHECK(cost_parts({}, price).output_reasoning == NanoUsd{0});
}

TEST_CASE("cost: figures of less than a nano-dollar a token are exact", "[billing]") {
    // 0.0125 per million is 12.5 nano-dollars a thousand.
    const config::Tariff cheap = usd("0.0125", "0.0125", "0.0125", "0.0125");
    CHECK(cost({1'000'000, 0, 0, 0, 0}, cheap) == *config::parse_usd("0.0125"));
    CHECK(cost({1, 0, 0, 0, 0}, cheap).n == 12);
    CHECK(cost({3, 0, 0, 0, 0}, cheap).n == 38);
}
