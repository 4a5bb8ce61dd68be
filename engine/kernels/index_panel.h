#pragma once
// The indexer's query heads of one token as bf16, laid out so that a pair of a key's numbers meets
// 16 heads at once, and the scores of bf16 keys against them. Of the fast mode: the heads are
// rounded to bf16, which after the official roundings loses nothing.
#include <cstdint>

namespace engine::kernels {

constexpr int64_t kIndexLanes = 16;

struct IndexPanel {
    const uint32_t* pairs = nullptr;  // [width / 2, heads padded to kIndexLanes], two bf16 each
    const float* weights = nullptr;   // [n_heads]
    int64_t n_heads = 0;
    int64_t width = 0;  // even
};

constexpr int64_t index_panel_pairs(int64_t n_heads, int64_t width) {
    return width / 2 * ((n_heads + kIndexLanes - 1) / kIndexLanes * kIndexLanes);
}
// q: [n_heads, width]. Writes pairs[index_panel_pairs()], zeros for heads that are not there.
void pack_index_panel(const float* q, int64_t n_heads, int64_t width, uint32_t* pairs);

// scores[i] = sum_h weights[h] * max(0, dot(q[h], keys[i])), keys[i] bf16 [width], 4-byte aligned.
// Products of bf16 numbers, f32 sums whose order depends on the shape alone.
using IndexScores = void(const IndexPanel& q, const uint16_t* const* keys, int64_t n_keys,
                         float* scores);
// n even: to[n] = x rounded to bf16.
using ToBf16 = void(const float* x, int64_t n, uint16_t* to);

#if defined(__x86_64__)
IndexScores index_scores_avx512;
ToBf16 to_bf16_avx512;
IndexScores index_scores_avx512_bf16;
ToBf16 to_bf16_avx512_bf16;
#endif

}  // namespace engine::kernels
