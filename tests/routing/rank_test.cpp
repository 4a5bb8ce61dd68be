#include "routing/rank.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace routing;
using config::PlanOrder;
using Places = std::vector<size_t>;

namespace {

std::vector<Candidate> candidates(size_t n) {
    std::vector<Candidate> list(n);
    for (size_t i = 0; i < n; ++i) list[i].id = 100 + i;
    return list;
}

}  // namespace

TEST_CASE("rank: each order by its own figure, ties as listed", "[routing]") {
    auto list = candidates(4);
    CHECK(rank(PlanOrder::listed, list, 1) == Places{0, 1, 2, 3});
    CHECK(rank(PlanOrder::cheapest, list, 1) == Places{0, 1, 2, 3});
    for (size_t i = 0; i < 4; ++i) {
        list[i].cost_nano_usd = std::array<int64_t, 4>{9, 3, 3, 1}[i];
        list[i].seconds = std::array<double, 4>{0.5, 0.2, 0, 0.3}[i];
        list[i].n_running = std::array<int, 4>{2, 0, 5, 1}[i];
        list[i].n_warm_tokens = std::array<int64_t, 4>{0, 700, 0, 900}[i];
    }
    CHECK(rank(PlanOrder::listed, list, 1) == Places{0, 1, 2, 3});
    CHECK(rank(PlanOrder::cheapest, list, 1) == Places{3, 1, 2, 0});
    CHECK(rank(PlanOrder::fastest, list, 1) == Places{2, 1, 3, 0});
    CHECK(rank(PlanOrder::least_busy, list, 1) == Places{1, 3, 0, 2});
    CHECK(rank(PlanOrder::warmest, list, 1) == Places{3, 1, 0, 2});
}

TEST_CASE("rank: whoever is down comes last and stays in", "[routing]") {
    auto list = candidates(3);
    list[0].is_up = false;
    CHECK(rank(PlanOrder::listed, list, 1) == Places{1, 2, 0});
    list[1].is_up = list[2].is_up = false;
    CHECK(rank(PlanOrder::listed, list, 1) == Places{0, 1, 2});
    for (size_t i = 0; i < 3; ++i) list[i].cost_nano_usd = static_cast<int64_t>(10 - i);
    CHECK(rank(PlanOrder::cheapest, list, 1) == Places{2, 1, 0});
    list[0].is_up = true;
    CHECK(rank(PlanOrder::cheapest, list, 1) == Places{0, 2, 1});
}

TEST_CASE("rank: weighted comes first as often as its weight says", "[routing]") {
    auto list = candidates(3);
    list[0].weight = 6;
    list[1].weight = 3;
    std::mt19937_64 random(3);
    std::map<Places, int> seen;
    std::array<int, 3> n_first{};
    constexpr int kRounds = 100'000;
    for (int i = 0; i < kRounds; ++i) {
        const Places places = rank(PlanOrder::weighted, list, random());
        ++n_first[places[0]];
        ++seen[places];
    }
    CHECK(std::abs(n_first[0] - kRounds * 6 / 10) < 1'000);
    CHECK(std::abs(n_first[1] - kRounds * 3 / 10) < 1'000);
    CHECK(std::abs(n_first[2] - kRounds * 1 / 10) < 1'000);
    CHECK(seen.size() == 6);
    // Behind a first of weight 6, the others as 3 to 1.
    CHECK(std::abs(seen[Places{0, 1, 2}] - kRounds * 6 / 10 * 3 / 4) < 1'000);
}

TEST_CASE("rank: a seed's choice changes only if its own endpoint goes", "[routing]") {
    auto list = candidates(4);
    for (size_t i = 0; i < 4; ++i) list[i].weight = static_cast<int64_t>(i + 1);
    std::mt19937_64 random(4);
    for (int i = 0; i < 10'000; ++i) {
        const uint64_t seed = random();
        const Places all = rank(PlanOrder::weighted, list, seed);
        REQUIRE(rank(PlanOrder::weighted, list, seed) == all);
        auto fewer = list;
        fewer.erase(fewer.begin() + 1);
        const Places without = rank(PlanOrder::weighted, fewer, seed);
        const auto id_of = [](const std::vector<Candidate>& from, size_t place) {
            return from[place].id;
        };
        const size_t first = all[0] == 1 ? all[1] : all[0];
        REQUIRE(id_of(fewer, without[0]) == id_of(list, first));
    }
}

TEST_CASE("rank: auto adds up weighted shares of cost, time and missing quality", "[routing]") {
    auto list = candidates(3);
    for (size_t i = 0; i < 3; ++i) {
        list[i].cost_nano_usd = std::array<int64_t, 3>{100, 50, 10}[i];
        list[i].seconds = std::array<double, 3>{1, 4, 0}[i];
        list[i].quality = std::array<int64_t, 3>{90, 60, 45}[i];
    }
    const auto scores = balanced_scores(list, {});
    CHECK(scores[0].cost == Approx(1));
    CHECK(scores[0].latency == Approx(0.25));
    CHECK(scores[0].quality == Approx(0));
    CHECK(scores[1].sum() == Approx(0.5 + 1 + 1.0 / 3));
    CHECK(scores[2].sum() == Approx(0.1 + 0 + 0.5));
    CHECK(rank(PlanOrder::automatic, list, 1) == Places{2, 0, 1});
    CHECK(rank(PlanOrder::automatic, list, 1, {0, 0, 1}) == Places{0, 1, 2});
    CHECK(rank(PlanOrder::automatic, list, 1, {0, 1, 0}) == Places{2, 0, 1});
    CHECK(rank(PlanOrder::automatic, list, 1, {1, 0, 0}) == Places{2, 1, 0});
    CHECK(rank(PlanOrder::automatic, list, 1, {1, 1, 10}) == Places{0, 1, 2});
    // Whoever is down is no measure of the others.
    list[0].is_up = false;
    CHECK(balanced_scores(list, {})[1].cost == Approx(1));
    CHECK(balanced_scores(list, {})[2].quality == Approx(0.25));
    CHECK(rank(PlanOrder::automatic, list, 1) == Places{2, 1, 0});
}

TEST_CASE("rank: auto prefers nothing that another beats in all, and no scale matters",
          "[routing]") {
    std::mt19937_64 random(5);
    const auto number = [&](int64_t n) { return static_cast<int64_t>(random() % uint64_t(n)); };
    for (int round = 0; round < 5'000; ++round) {
        auto list = candidates(4);
        for (Candidate& candidate : list) {
            candidate.cost_nano_usd = number(1'000);
            candidate.seconds = static_cast<double>(number(100)) / 10;
            candidate.quality = 1 + number(100);
        }
        const config::Balance balance{1 + number(9), 1 + number(9), 1 + number(9)};
        const Places places = rank(PlanOrder::automatic, list, 1, balance);
        const Candidate& first = list[places[0]];
        for (const Candidate& other : list) {
            const bool beats = other.cost_nano_usd < first.cost_nano_usd &&
                               other.seconds < first.seconds && other.quality > first.quality;
            CHECK_FALSE(beats);
        }
        for (Candidate& candidate : list) {
            candidate.cost_nano_usd *= 1'024;
            candidate.seconds /= 8;
        }
        CHECK(rank(PlanOrder::automatic, list, 1, balance) == places);
    }
}

TEST_CASE("rank: a canary comes first in every order, unless it is down", "[routing]") {
    for (int order = 0; order <= static_cast<int>(PlanOrder::automatic); ++order) {
        auto list = candidates(3);
        list[1].is_canary = true;
        list[1].cost_nano_usd = 100;
        list[1].seconds = 9;
        list[1].n_running = 5;
        CHECK(rank(static_cast<PlanOrder>(order), list, 7)[0] == 1);
        list[1].is_up = false;
        CHECK(rank(static_cast<PlanOrder>(order), list, 7)[2] == 1);
    }
}
