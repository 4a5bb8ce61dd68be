// Plain loops over 16 independent sums, which a compiler turns into vectors of whatever it has.
#include "engine/kernels/matrix.h"
#include "engine/kernels/ops_tables.h"
#include "engine/kernels/panel_ops.h"
#include "engine/kernels/row_format.h"

namespace engine::kernels {
namespace {

constexpr int64_t kLanes = 16;

inline float widen(float x) {
    return x;
}
inline float widen(uint16_t x) {
    return bf16_to_f32(x);
}

float add_lanes(float* lanes) {
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
        for (int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

template <class T>
float dot(const T* row, const float* x, int64_t width) {
    float lanes[kLanes] = {};
    int64_t c = 0;
    for (; c + kLanes <= width; c += kLanes) {
        for (int64_t i = 0; i < kLanes; ++i) lanes[i] += widen(row[c + i]) * x[c + i];
    }
    for (int64_t i = 0; c + i < width; ++i) lanes[i] += widen(row[c + i]) * x[c + i];
    return add_lanes(lanes);
}

template <class T>
void dots(const T* rows, int64_t n_rows, int64_t width, const float* const* x, int64_t n_x,
          float* const* out) {
    for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t j = 0; j < n_x; ++j) out[j][i] = dot(rows + i * width, x[j], width);
    }
}

void dots_scattered(const float* const* rows, int64_t n_rows, int64_t width, const float* x,
                    int64_t x_stride, int64_t n_x, float* out, int64_t out_stride) {
    for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t j = 0; j < n_x; ++j) {
            out[j * out_stride + i] = dot(rows[i], x + j * x_stride, width);
        }
    }
}

void weighted_sums(Sums start, const float* const* rows, int64_t n_rows, int64_t width,
                   const float* weights, int64_t weights_stride, int64_t n_out, float* out,
                   int64_t out_stride) {
    for (int64_t j = 0; j < n_out; ++j) {
        float* sums = out + j * out_stride;
        if (start == Sums::fresh) {
            for (int64_t c = 0; c < width; ++c) sums[c] = 0;
        }
        for (int64_t i = 0; i < n_rows; ++i) {
            const float weight = weights[j * weights_stride + i];
            for (int64_t c = 0; c < width; ++c) sums[c] += weight * rows[i][c];
        }
    }
}

float sum_of_squares(const float* x, int64_t n) {
    return dot(x, x, n);
}

}  // namespace

const Ops kOpsPortable = {dots<float>,    dots<uint16_t>,     dots_scattered,  weighted_sums,
                          sum_of_squares, &kPanelOpsPortable, &kRowOpsPortable};

}  // namespace engine::kernels
