#include "engine/kernels/index_panel.h"

#include "engine/kernels/half.h"

namespace engine::kernels {

void pack_index_panel(const float* q, int64_t n_heads, int64_t width, uint32_t* pairs) {
    const int64_t n_padded = (n_heads + kIndexLanes - 1) / kIndexLanes * kIndexLanes;
    for (int64_t p = 0; p < width / 2; ++p) {
        for (int64_t h = 0; h < n_padded; ++h) {
            uint32_t pair = 0;
            if (h < n_heads) {
                const float* numbers = q + h * width + 2 * p;
                pair = f32_to_bf16(numbers[0]) | static_cast<uint32_t>(f32_to_bf16(numbers[1]))
                                                     << 16;
            }
            pairs[p * n_padded + h] = pair;
        }
    }
}

}  // namespace engine::kernels
