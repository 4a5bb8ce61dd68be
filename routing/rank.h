#pragma once
// In which order the endpoints of a plan are tried.
#include <cstdint>
#include <span>
#include <vector>

#include "config/config.h"

namespace routing {

// What is known of one endpoint of the plan and this request.
struct Candidate {
    uint64_t id = 0;  // the endpoint's own, whatever plan it stands in
    bool is_up = true;
    int64_t weight = 1;
    int64_t cost_nano_usd = 0;  // of the request there, as far as it can be told before
    double seconds = 0;         // to its answer's end; 0: not known
    int n_running = 0;          // attempts there now
    int64_t n_warm_tokens = 0;  // of the prompt, whose state is at hand there
    int64_t quality = 0;        // 1 to 100
    bool is_canary = false;     // for this request: the others come after it
};

// An answer is rarely as long as it may be: what time, and in order auto cost, are compared by.
inline constexpr int64_t kLikelyOutputTokens = 500;

// What order auto goes by, lower is better: each part is its weight times a share from 0 to 1, of
// the dearest's cost, of the slowest's time, and of what is missing to the best quality. Only those
// that are up are compared, or all, if none is. What is not known to be slow counts as fast.
struct BalancedScore {
    double cost = 0, latency = 0, quality = 0;
    double sum() const { return cost + latency + quality; }
};
std::vector<BalancedScore> balanced_scores(std::span<const Candidate> candidates,
                                           const config::Balance& balance);

// Indices of `candidates`, best first; ties stay in the plan's order. Those that are down come
// last: the last hope is still one. What is not known to be slow counts as fast, so that it gets
// known. `seed` decides for weighted alone: the same seed, the same order, and what is chosen
// changes least when an endpoint comes or goes (rendezvous hashing: Thaler and Ravishankar, 1998;
// with weights as in draft-ietf-bess-weighted-hrw). `balance` is for automatic alone.
std::vector<size_t> rank(config::PlanOrder order, std::span<const Candidate> candidates,
                         uint64_t seed, const config::Balance& balance = {});

}  // namespace routing
