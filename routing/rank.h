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
};

// Indices of `candidates`, best first; ties stay in the plan's order. Those that are down come
// last: the last hope is still one. What is not known to be slow counts as fast, so that it gets
// known. `seed` decides for weighted alone: the same seed, the same order, and what is chosen
// changes least when an endpoint comes or goes (rendezvous hashing: Thaler and Ravishankar, 1998;
// with weights as in draft-ietf-bess-weighted-hrw).
std::vector<size_t> rank(config::PlanOrder order, std::span<const Candidate> candidates,
                         uint64_t seed);

}  // namespace routing
