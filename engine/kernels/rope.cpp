#include "engine/kernels/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace engine::kernels {
namespace {

// Where in the list of pairs a wave turns `rotations` times over the original context.
double pair_of_rotations(const RopeParams& p, double rotations) {
    const double wave = p.n_ctx_original / (2 * std::numbers::pi * rotations);
    return static_cast<double>(p.n_rot) * std::log(wave) / (2 * std::log(p.theta));
}

}  // namespace

std::vector<float> rope_frequencies(const RopeParams& p) {
    const int64_t n_pairs = p.n_rot / 2;
    double low = std::max(std::floor(pair_of_rotations(p, p.beta_fast)), 0.0);
    double high =
        std::min(std::ceil(pair_of_rotations(p, p.beta_slow)), static_cast<double>(p.n_rot - 1));
    if (low == high) high += 0.001;
    std::vector<float> inv_freq(static_cast<size_t>(n_pairs));
    for (int64_t i = 0; i < n_pairs; ++i) {
        const double pair = static_cast<double>(i);
        const double plain = std::pow(p.theta, -2 * pair / static_cast<double>(p.n_rot));
        const double ramp = std::clamp((pair - low) / (high - low), 0.0, 1.0);
        const double stretched = plain / p.factor * ramp + plain * (1 - ramp);
        inv_freq[static_cast<size_t>(i)] = static_cast<float>(p.yarn ? stretched : plain);
    }
    return inv_freq;
}

void rope_turns(const std::vector<float>& inv_freq, int64_t pos, float* turns) {
    const size_t n = inv_freq.size();
    for (size_t i = 0; i < n; ++i) {
        const float angle = static_cast<float>(pos) * inv_freq[i];
        turns[i] = std::cos(angle);
        turns[n + i] = std::sin(angle);
    }
}

void rope_rotate(const float* turns, int64_t n_rot, float* x) {
    const float* sines = turns + n_rot / 2;
    for (int64_t i = 0; i < n_rot / 2; ++i) {
        const float a = x[2 * i];
        const float b = x[2 * i + 1];
        x[2 * i] = a * turns[i] - b * sines[i];
        x[2 * i + 1] = a * sines[i] + b * turns[i];
    }
}

void rope_rotate_back(const float* turns, int64_t n_rot, float* x) {
    const float* sines = turns + n_rot / 2;
    for (int64_t i = 0; i < n_rot / 2; ++i) {
        const float a = x[2 * i];
        const float b = x[2 * i + 1];
        x[2 * i] = a * turns[i] + b * sines[i];
        x[2 * i + 1] = b * turns[i] - a * sines[i];
    }
}

}  // namespace engine::kernels
