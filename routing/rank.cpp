#include "routing/rank.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace routing {

namespace {

// splitmix64: every bit of the result depends on every bit of the argument.
uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

// Lower is drawn first: an exponential deviate with the weight as its rate.
double draw(uint64_t seed, uint64_t id, int64_t weight) {
    const uint64_t bits = mix(seed ^ mix(id)) >> 11;
    const double uniform = (static_cast<double>(bits) + 0.5) / 9007199254740992.0;  // 2^53
    return -std::log(uniform) / static_cast<double>(weight);
}

double score(config::PlanOrder order, const Candidate& candidate, uint64_t seed) {
    switch (order) {
        case config::PlanOrder::listed:
            return 0;
        case config::PlanOrder::weighted:
            return draw(seed, candidate.id, candidate.weight);
        case config::PlanOrder::cheapest:
            return static_cast<double>(candidate.cost_nano_usd);
        case config::PlanOrder::fastest:
            return candidate.seconds;
        case config::PlanOrder::least_busy:
            return candidate.n_running;
        case config::PlanOrder::warmest:
            return -static_cast<double>(candidate.n_warm_tokens);
    }
    return 0;
}

}  // namespace

std::vector<size_t> rank(config::PlanOrder order, std::span<const Candidate> candidates,
                         uint64_t seed) {
    std::vector<double> scores;
    scores.reserve(candidates.size());
    for (const Candidate& candidate : candidates) scores.push_back(score(order, candidate, seed));
    std::vector<size_t> places(candidates.size());
    std::iota(places.begin(), places.end(), size_t{0});
    std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
        if (candidates[a].is_up != candidates[b].is_up) return candidates[a].is_up;
        return scores[a] < scores[b];
    });
    return places;
}

}  // namespace routing
