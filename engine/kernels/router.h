#pragma once
// Which experts a token uses and how much:
//     s[e] = sqrt(softplus(logits[e])),  p[j] = s[chosen j] / (sum of the chosen s + 1e-20) * scale
// Score-routed layers choose the k highest of s + bias; the bias does nothing else. Hash-routed
// layers take the choice from a table.
#include <cstdint>

namespace engine::kernels {

// s[e] in place of logits[e]. softplus(v) = max(v, 0) + log1p(exp(-|v|)).
void router_scores(float* logits, int64_t n_experts);
// chosen[k], best first. biased: scratch [n_experts]; keys: scratch [n_experts].
void router_choose(const float* s, const float* bias, int64_t n_experts, int64_t k, float* biased,
                   uint64_t* keys, int32_t* chosen);
void router_weights(const float* s, const int32_t* chosen, int64_t k, float scale, float* weights);

}  // namespace engine::kernels
