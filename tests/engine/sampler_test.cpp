#include "engine/sampling/sampler.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace engine;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<TokenUse> all_text(size_t n) {
    return std::vector<TokenUse>(n, TokenUse::text);
}

std::optional<int32_t> sample(const std::vector<float>& logits, const Sampling& sampling,
                              Draw draw = {}) {
    Sampler sampler(static_cast<int64_t>(logits.size()));
    return sampler.sample(logits, all_text(logits.size()), sampling, draw);
}

// How often each id comes in n draws.
std::map<int32_t, int> histogram(const std::vector<float>& logits, const Sampling& sampling,
                                 int n = 20'000) {
    Sampler sampler(static_cast<int64_t>(logits.size()));
    const auto use = all_text(logits.size());
    std::map<int32_t, int> counts;
    for (int i = 0; i < n; ++i) {
        ++counts[*sampler.sample(logits, use, sampling, {99, static_cast<uint64_t>(i)})];
    }
    return counts;
}

std::vector<int32_t> ids_of(const std::map<int32_t, int>& counts) {
    std::vector<int32_t> ids;
    for (const auto& [id, n] : counts) ids.push_back(id);
    return ids;
}

Sampling greedy() {
    Sampling sampling;
    sampling.temperature = 0;
    return sampling;
}

}  // namespace

TEST_CASE("sampler: temperature 0 takes the best, of equals the lowest id", "[engine]") {
    CHECK(sample({1, 5, 3}, greedy()) == 1);
    CHECK(sample({2, 7, 7, 7}, greedy()) == 1);
    CHECK(sample({-3, -3}, greedy()) == 0);
}

TEST_CASE("sampler: a bias is added to its row, whatever rows are in use", "[engine]") {
    Sampling sampling = greedy();
    sampling.logit_bias = {{1, -100.f}, {7, 50.f}, {-1, 50.f}};
    CHECK(sample({1, 5, 3}, sampling) == 2);
    sampling.logit_bias = {{3, 2.f}, {0, 9.f}};
    Sampler sampler(4);
    const std::vector<TokenUse> use{TokenUse::never, TokenUse::text, TokenUse::never,
                                    TokenUse::control};
    const std::vector<float> logits{1, 5, 9, 4};
    CHECK(sampler.sample(logits, use, sampling, {}) == 3);

    sampling.temperature = 1;
    sampling.logit_bias = {{1, -100.f}};
    CHECK(ids_of(histogram({1, 5, 1}, sampling)) == std::vector<int32_t>{0, 2});
}

TEST_CASE("sampler: rows that are not finite are never chosen", "[engine]") {
    const float nan = std::nanf("");
    for (const float temperature : {0.f, 1.f}) {
        Sampling sampling;
        sampling.temperature = temperature;
        CHECK(sample({nan, kInf, -kInf, 1}, sampling) == 3);
        CHECK_FALSE(sample({nan, nan}, sampling).has_value());
        CHECK_FALSE(sample({-kInf, -kInf}, sampling).has_value());
    }
}

TEST_CASE("sampler: rows marked never are never chosen", "[engine]") {
    const std::vector<float> logits = {9, 1, 8, 2};
    const std::vector<TokenUse> use = {TokenUse::never, TokenUse::text, TokenUse::never,
                                       TokenUse::control};
    Sampler sampler(4);
    CHECK(sampler.sample(logits, use, greedy(), {}) == 3);
    for (uint64_t i = 0; i < 200; ++i) {
        const auto id = sampler.sample(logits, use, Sampling{}, {1, i});
        CHECK((id == 1 || id == 3));
    }
}

TEST_CASE("sampler: draws follow softmax(logits / temperature)", "[engine]") {
    const std::vector<float> logits = {0, 1, 2, -1};
    for (const float temperature : {0.5f, 1.f, 2.f}) {
        Sampling sampling;
        sampling.temperature = temperature;
        constexpr int n = 20'000;
        auto counts = histogram(logits, sampling, n);
        double total = 0;
        for (const float logit : logits) total += std::exp(logit / temperature);
        for (size_t i = 0; i < logits.size(); ++i) {
            const double p = std::exp(logits[i] / temperature) / total;
            const double sigma = std::sqrt(n * p * (1 - p));
            CHECK(std::abs(counts[static_cast<int32_t>(i)] - n * p) < 5 * sigma);
        }
    }
}

TEST_CASE("sampler: top_k, top_p and min_p keep what they say", "[engine]") {
    // Probabilities 0.4, 0.3, 0.2, 0.1 at ids 2, 0, 3, 1.
    const std::vector<float> logits = {std::log(.3f), std::log(.1f), std::log(.4f), std::log(.2f)};
    const auto kept = [&](int top_k, float top_p, float min_p) {
        Sampling sampling;
        sampling.top_k = top_k;
        sampling.top_p = top_p;
        sampling.min_p = min_p;
        return ids_of(histogram(logits, sampling));
    };
    using Ids = std::vector<int32_t>;
    CHECK(kept(0, 1, 0) == Ids{0, 1, 2, 3});
    CHECK(kept(1, 1, 0) == Ids{2});
    CHECK(kept(2, 1, 0) == Ids{0, 2});
    CHECK(kept(9, 1, 0) == Ids{0, 1, 2, 3});
    CHECK(kept(0, 0, 0) == Ids{2});
    CHECK(kept(0, 0.39f, 0) == Ids{2});
    CHECK(kept(0, 0.41f, 0) == Ids{0, 2});
    CHECK(kept(0, 0.85f, 0) == Ids{0, 2, 3});
    CHECK(kept(0, 1, 0.6f) == Ids{0, 2});
    CHECK(kept(0, 1, 0.3f) == Ids{0, 2, 3});
    CHECK(kept(0, 1, 1) == Ids{2});
    CHECK(kept(2, 0.5f, 0) == Ids{2});  // of the two best, 0.4 / 0.7 is more than half
}

TEST_CASE("sampler: top_p over a large flat vocabulary keeps its share", "[engine]") {
    const std::vector<float> logits(5'000, 0.5f);
    Sampling sampling;
    sampling.top_p = 0.5f;
    Sampler sampler(5'000);
    const auto use = all_text(logits.size());
    int32_t id_max = 0;
    for (uint64_t i = 0; i < 300; ++i) {
        id_max = std::max(id_max, *sampler.sample(logits, use, sampling, {4, i}));
    }
    CHECK(id_max < 2'500);  // of equals the lowest ids stay
    CHECK(id_max > 2'300);
}

TEST_CASE("sampler: a draw depends on seed and position alone", "[engine]") {
    std::mt19937 random(1);
    std::vector<float> logits(300);
    for (float& logit : logits) logit = static_cast<float>(random() % 1000) / 200.f;
    Sampler used(300);
    const auto use = all_text(300);
    for (uint64_t i = 0; i < 50; ++i) {
        used.sample(logits, use, Sampling{}, {1234, i});  // somebody else's draw in between
        CHECK(used.sample(logits, use, Sampling{}, {7, i}) == sample(logits, {}, {7, i}));
    }
    int n_differ = 0;
    for (uint64_t i = 0; i < 50; ++i) {
        n_differ += sample(logits, {}, {7, i}) != sample(logits, {}, {8, i});
    }
    CHECK(n_differ > 30);
}

TEST_CASE("sampler: uniform draws are uniform", "[engine]") {
    double sum = 0;
    std::map<int, int> deciles;
    constexpr int n = 50'000;
    for (uint64_t i = 0; i < n; ++i) {
        const double u = uniform({i % 7, i});
        REQUIRE((u >= 0 && u < 1));
        sum += u;
        ++deciles[static_cast<int>(u * 10)];
    }
    CHECK(sum / n == Approx(0.5).margin(0.01));
    for (const auto& [decile, count] : deciles) CHECK(count == Approx(n / 10).margin(400));
}

TEST_CASE("sampler: logprobs are log_softmax of the raw logits, best first", "[engine]") {
    const std::vector<float> logits = {1, 3, 3, 0, 7, 2};
    const std::vector<TokenUse> use = {TokenUse::text,  TokenUse::text,    TokenUse::text,
                                       TokenUse::never, TokenUse::control, TokenUse::text};
    double total = 0;
    for (const size_t i : {0, 1, 2, 4, 5}) total += std::exp(static_cast<double>(logits[i]));
    const auto expected = [&](size_t i) { return logits[i] - std::log(total); };
    Sampler sampler(6);
    const Logprobs found = sampler.logprobs(logits, use, 5, 3);
    CHECK(found.chosen == Approx(expected(5)));
    REQUIRE(found.top.size() == 3);
    CHECK(found.top[0].first == 1);  // not 4, which no client may see
    CHECK(found.top[1].first == 2);
    CHECK(found.top[2].first == 5);
    CHECK(found.top[0].second == Approx(expected(1)));
    CHECK(sampler.logprobs(logits, use, 0, 20).top.size() == 4);
    CHECK(sampler.logprobs(logits, use, 0, 0).top.empty());
    CHECK(sampler.logprobs({&logits[0], 1}, {&use[0], 1}, 0, 1).chosen == 0);
}
