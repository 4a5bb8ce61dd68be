#include "engine/kernels/router.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/top_k.h"

namespace engine::kernels {

void router_scores(float* logits, int64_t n_experts) {
    for (int64_t e = 0; e < n_experts; ++e) {
        const float v = logits[e];
        logits[e] = std::sqrt(std::max(v, 0.0f) + std::log1p(std::exp(-std::abs(v))));
    }
}

void router_choose(const float* s, const float* bias, int64_t n_experts, int64_t k, float* biased,
                   uint64_t* keys, int32_t* chosen) {
    for (int64_t e = 0; e < n_experts; ++e) biased[e] = s[e] + bias[e];
    top_k(biased, n_experts, k, keys, chosen);
}

void router_weights(const float* s, const int32_t* chosen, int64_t k, float scale, float* weights) {
    float sum = 1e-20f;
    for (int64_t j = 0; j < k; ++j) sum += s[chosen[j]];
    for (int64_t j = 0; j < k; ++j) weights[j] = s[chosen[j]] / sum * scale;
}

}  // namespace engine::kernels
