#include "engine/kernels/swiglu.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace engine::kernels {

void swiglu(const float* gate, const float* up, int64_t n, float limit, float* out) {
    const float bound = limit > 0 ? limit : std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < n; ++i) {
        const float g = std::min(gate[i], bound);
        const float u = std::clamp(up[i], -bound, bound);
        out[i] = g / (1.0f + std::exp(-g)) * u;
    }
}

namespace ref {

void swiglu(const float* gate, const float* up, int64_t n, float limit, float* out) {
    for (int64_t i = 0; i < n; ++i) {
        double g = static_cast<double>(gate[i]);
        double u = static_cast<double>(up[i]);
        if (limit > 0) {
            const double bound = static_cast<double>(limit);
            g = g > bound ? bound : g;
            u = u > bound ? bound : u < -bound ? -bound : u;
        }
        out[i] = static_cast<float>(g * (1 / (1 + std::exp(-g))) * u);
    }
}

}  // namespace ref
}  // namespace engine::kernels
