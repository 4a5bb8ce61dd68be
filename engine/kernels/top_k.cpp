#include "engine/kernels/top_k.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <vector>

namespace engine::kernels {
namespace {

// Unsigned numbers in the order of floats; adding zero makes -0 and 0 equal.
uint32_t ordered(float score) {
    const auto bits = std::bit_cast<uint32_t>(score + 0.0f);
    return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

}  // namespace

int64_t top_k(const float* scores, int64_t n, int64_t k, uint64_t* scratch, int32_t* chosen) {
    const int64_t n_chosen = std::min(k, n);
    for (int64_t i = 0; i < n; ++i) {
        scratch[i] = static_cast<uint64_t>(ordered(scores[i])) << 32 | ~static_cast<uint32_t>(i);
    }
    if (n_chosen < n) std::nth_element(scratch, scratch + n_chosen, scratch + n, std::greater<>());
    std::sort(scratch, scratch + n_chosen, std::greater<>());
    for (int64_t i = 0; i < n_chosen; ++i) {
        chosen[i] = static_cast<int32_t>(~static_cast<uint32_t>(scratch[i]));
    }
    return n_chosen;
}

namespace ref {

int64_t top_k(const float* scores, int64_t n, int64_t k, int32_t* chosen) {
    std::vector<int32_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
    const int64_t n_chosen = std::min(k, n);
    std::copy_n(order.begin(), n_chosen, chosen);
    return n_chosen;
}

}  // namespace ref
}  // namespace engine::kernels
