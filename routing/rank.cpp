#include "routing/rank.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "routing/mix.h"

namespace routing {

namespace {

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
        case config::PlanOrder::automatic:
            break;  // balanced_scores(): beside the others
    }
    return 0;
}

// `value` as a share of the greatest; 0 of nothing.
double share(double value, double greatest) {
    return greatest > 0 ? std::min(value / greatest, 1.0) : 0;
}

}  // namespace

std::vector<BalancedScore> balanced_scores(std::span<const Candidate> candidates,
                                           const config::Balance& balance) {
    double cost = 0, seconds = 0, quality = 0;  // the greatest of those that are compared
    const bool any_up =
        std::ranges::any_of(candidates, [](const Candidate& c) { return c.is_up && !c.is_canary; });
    for (const Candidate& candidate : candidates) {
        if (candidate.is_canary || candidate.is_up != any_up) continue;
        cost = std::max(cost, static_cast<double>(candidate.cost_nano_usd));
        seconds = std::max(seconds, candidate.seconds);
        quality = std::max(quality, static_cast<double>(candidate.quality));
    }
    std::vector<BalancedScore> scores;
    scores.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
        const double good = share(static_cast<double>(candidate.quality), quality);
        scores.push_back({static_cast<double>(balance.cost) *
                              share(static_cast<double>(candidate.cost_nano_usd), cost),
                          static_cast<double>(balance.latency) * share(candidate.seconds, seconds),
                          static_cast<double>(balance.quality) * (1 - good)});
    }
    return scores;
}

std::vector<size_t> rank(config::PlanOrder order, std::span<const Candidate> candidates,
                         uint64_t seed, const config::Balance& balance) {
    std::vector<double> scores;
    scores.reserve(candidates.size());
    if (order == config::PlanOrder::automatic) {
        for (const BalancedScore& balanced : balanced_scores(candidates, balance))
            scores.push_back(balanced.sum());
    } else {
        for (const Candidate& candidate : candidates)
            scores.push_back(score(order, candidate, seed));
    }
    std::vector<size_t> places(candidates.size());
    std::iota(places.begin(), places.end(), size_t{0});
    std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
        if (candidates[a].is_up != candidates[b].is_up) return candidates[a].is_up;
        if (candidates[a].is_canary != candidates[b].is_canary) return candidates[a].is_canary;
        return scores[a] < scores[b];
    });
    return places;
}

}  // namespace routing
