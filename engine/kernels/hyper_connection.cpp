#include "engine/kernels/hyper_connection.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace engine::kernels {
namespace {

float sigmoid(float x) {
    return 1.0f / (1.0f + std::exp(-x));
}

template <class T>
void softmax_rows(T* a, int64_t n, T eps) {
    for (int64_t j = 0; j < n; ++j) {
        T* row = a + j * n;
        const T top = *std::max_element(row, row + n);
        T sum = 0;
        for (int64_t k = 0; k < n; ++k) {
            row[k] = std::exp(row[k] - top);
            sum += row[k];
        }
        for (int64_t k = 0; k < n; ++k) row[k] = row[k] / sum + eps;
    }
}

template <class T>
void divide_by_sums(T* a, int64_t n, int64_t outer_stride, int64_t inner_stride, T eps) {
    for (int64_t o = 0; o < n; ++o) {
        T* line = a + o * outer_stride;
        T sum = eps;
        for (int64_t i = 0; i < n; ++i) sum += line[i * inner_stride];
        for (int64_t i = 0; i < n; ++i) line[i * inner_stride] /= sum;
    }
}

template <class T>
void sinkhorn_of(T* a, int64_t n, int64_t n_iters, T eps) {
    softmax_rows(a, n, eps);
    divide_by_sums(a, n, 1, n, eps);  // columns
    for (int64_t i = 1; i < n_iters; ++i) {
        divide_by_sums(a, n, n, 1, eps);
        divide_by_sums(a, n, 1, n, eps);
    }
}

}  // namespace

void sinkhorn(float* a, int64_t n, int64_t n_iters, float eps) {
    sinkhorn_of(a, n, n_iters, eps);
}

void hc_coefficients(const HcSite& site, const float* z, float rms_reciprocal,
                     HcCoefficients& out) {
    const int64_t n = site.n_hc;
    for (int64_t j = 0; j < n; ++j) {
        const float pre = z[j] * rms_reciprocal * site.scale[0] + site.base[j];
        const float post = z[n + j] * rms_reciprocal * site.scale[1] + site.base[n + j];
        out.pre[j] = sigmoid(pre) + site.eps;
        out.post[j] = 2.0f * sigmoid(post);
    }
    for (int64_t i = 0; i < n * n; ++i) {
        out.mix[i] = z[2 * n + i] * rms_reciprocal * site.scale[2] + site.base[2 * n + i];
    }
    sinkhorn(out.mix, n, site.n_sinkhorn_iters, site.eps);
}

void hc_exit_coefficients(int64_t n_hc, float eps, const float* base, const float* scale,
                          const float* z, float rms_reciprocal, float* pre) {
    for (int64_t j = 0; j < n_hc; ++j) {
        pre[j] = sigmoid(z[j] * rms_reciprocal * scale[0] + base[j]) + eps;
    }
}

void hc_collapse(const float* pre, int64_t n_hc, const float* x, int64_t n_embd, float* h) {
    for (int64_t i = 0; i < n_embd; ++i) h[i] = pre[0] * x[i];
    for (int64_t j = 1; j < n_hc; ++j) {
        const float* stream = x + j * n_embd;
        const float weight = pre[j];
        for (int64_t i = 0; i < n_embd; ++i) h[i] += weight * stream[i];
    }
}

void hc_expand(const HcCoefficients& site, int64_t n_hc, const float* y, int64_t n_embd, float* x) {
    constexpr int64_t kBlock = 64;
    float mixed[kHcStreamsMax][kBlock];
    for (int64_t begin = 0; begin < n_embd; begin += kBlock) {
        const int64_t n = std::min(kBlock, n_embd - begin);
        for (int64_t k = 0; k < n_hc; ++k) {
            const float post = site.post[k];
            for (int64_t i = 0; i < n; ++i) mixed[k][i] = post * y[begin + i];
            for (int64_t j = 0; j < n_hc; ++j) {
                const float weight = site.mix[j * n_hc + k];
                const float* stream = x + j * n_embd + begin;
                for (int64_t i = 0; i < n; ++i) mixed[k][i] += weight * stream[i];
            }
        }
        for (int64_t k = 0; k < n_hc; ++k) {
            std::copy_n(mixed[k], n, x + k * n_embd + begin);
        }
    }
}

namespace ref {

void sinkhorn(double* a, int64_t n, int64_t n_iters, double eps) {
    sinkhorn_of(a, n, n_iters, eps);
}

void hc_expand(const HcCoefficients& site, int64_t n_hc, const float* y, int64_t n_embd, float* x) {
    const std::vector<float> old(x, x + n_hc * n_embd);
    for (int64_t k = 0; k < n_hc; ++k) {
        for (int64_t i = 0; i < n_embd; ++i) {
            double sum = static_cast<double>(site.post[k]) * static_cast<double>(y[i]);
            for (int64_t j = 0; j < n_hc; ++j) {
                sum += static_cast<double>(site.mix[j * n_hc + k]) *
                       static_cast<double>(old[static_cast<size_t>(j * n_embd + i)]);
            }
            x[k * n_embd + i] = static_cast<float>(sum);
        }
    }
}

}  // namespace ref
}  // namespace engine::kernels
