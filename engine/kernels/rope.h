#pragma once
// Rotary positions: the last n_rot numbers of a vector turn in adjacent pairs (a, b) = (x[2i],
// x[2i+1]):
//     a' = a cos - b sin,   b' = a sin + b cos,   angle = f32(pos * inv_freq[i])
// The product is rounded to f32 before cos and sin, as the references do. No YaRN amplitude.
#include <cstdint>
#include <vector>

namespace engine::kernels {

constexpr int64_t kRotMax = 1024;

struct RopeParams {
    double theta = 10000;
    int64_t n_rot = 64;  // even, <= kRotMax
    bool yarn = false;   // the rest is for YaRN
    double factor = 1;
    double beta_fast = 32;
    double beta_slow = 1;
    double n_ctx_original = 65536;
};

// inv_freq[n_rot / 2]. With YaRN slow pairs are divided by factor, with a ramp between.
std::vector<float> rope_frequencies(const RopeParams& params);

// turns[i] = cos, turns[n_rot / 2 + i] = sin of pair i at `pos`.
void rope_turns(const std::vector<float>& inv_freq, int64_t pos, float* turns);

// In place on x[n_rot], the rotated slice alone.
void rope_rotate(const float* turns, int64_t n_rot, float* x);
void rope_rotate_back(const float* turns, int64_t n_rot, float* x);

}  // namespace engine::kernels
