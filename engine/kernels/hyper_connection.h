#pragma once
// mHC: a token's residual is n_hc streams X[j], each [n_embd]. A site reads its coefficients off X:
//     z = fn flatten(X) * (mean(flatten(X)^2) + rms_eps)^-0.5          (2 + n_hc) * n_hc numbers
//     pre[j]  = sigmoid(z[j] * scale[0] + base[j]) + eps
//     post[j] = 2 sigmoid(z[n + j] * scale[1] + base[n + j])
//     M = sinkhorn(z[2n + j*n + k] * scale[2] + base[2n + j*n + k])    j: source stream, k: target
// gives its sublayer  h = sum_j pre[j] X[j]  and takes the answer y back as
//     X'[k] = post[k] y + sum_j M[j][k] X[j]
#include <cstdint>

namespace engine::kernels {

constexpr int64_t kHcStreamsMax = 16;

struct HcSite {
    int64_t n_hc = 1;  // 1..kHcStreamsMax
    int64_t n_sinkhorn_iters = 1;
    float eps = 0;
    const float* base = nullptr;   // [(2 + n_hc) * n_hc]
    const float* scale = nullptr;  // [3]
};

struct HcCoefficients {
    float pre[kHcStreamsMax];
    float post[kHcStreamsMax];
    float mix[kHcStreamsMax * kHcStreamsMax];  // [n_hc, n_hc]
};

// Softmax of each row plus eps, then columns made to sum to 1, then n_iters - 1 times rows and
// columns; every denominator has eps added. a: [n, n], in place.
void sinkhorn(float* a, int64_t n, int64_t n_iters, float eps);

// z is the raw product fn flatten(X); rms_reciprocal the factor of its norm.
void hc_coefficients(const HcSite& site, const float* z, float rms_reciprocal, HcCoefficients& out);
// The exit has pre alone: z, base, pre are [n_hc], scale is [1].
void hc_exit_coefficients(int64_t n_hc, float eps, const float* base, const float* scale,
                          const float* z, float rms_reciprocal, float* pre);

// h[n_embd] from x[n_hc, n_embd]; h aliases nothing.
void hc_collapse(const float* pre, int64_t n_hc, const float* x, int64_t n_embd, float* h);
// x[n_hc, n_embd] in place, y[n_embd].
void hc_expand(const HcCoefficients& site, int64_t n_hc, const float* y, int64_t n_embd, float* x);

namespace ref {
void sinkhorn(double* a, int64_t n, int64_t n_iters, double eps);
void hc_expand(const HcCoefficients& site, int64_t n_hc, const float* y, int64_t n_embd, float* x);
}  // namespace ref

}  // namespace engine::kernels
