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
