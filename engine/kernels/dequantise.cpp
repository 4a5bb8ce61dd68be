#include "engine/kernels/dequantise.h"

#include <algorithm>
#include <cstring>

#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/kernels/gguf_blocks.h"
#include "engine/kernels/half.h"

namespace engine::kernels {
namespace {

void read_fp8(const Matrix& w, int64_t i, int64_t begin, int64_t end, float* out) {
    const auto* codes = static_cast<const uint8_t*>(w.row(i));
    const float* scales = w.fp8_scales(i);
    for (int64_t c = begin; c < end; ++c) *out++ = kE4m3[codes[c]] * scales[c / kFp8Block];
}

void read_fp4(const Matrix& w, int64_t i, int64_t begin, int64_t end, float* out) {
    const auto* pairs = static_cast<const uint8_t*>(w.row(i));
    const uint8_t* scales = w.fp4_scales(i);
    for (int64_t c = begin; c < end; c += 2) {
        const float scale = from_ue8m0(scales[c / kFp4Group]);
        *out++ = kE2m1[pairs[c / 2] & 15] * scale;
        *out++ = kE2m1[pairs[c / 2] >> 4] * scale;
    }
}

template <class Read>
void read_blocks(const Matrix& w, int64_t i, int64_t begin, int64_t end, float* out, Read read) {
    const BlockShape shape = block_shape(w.dtype);
    const auto* block = static_cast<const uint8_t*>(w.row(i)) + begin / shape.n * shape.bytes;
    for (int64_t c = begin; c < end; c += shape.n) {
        read(block, out);
        block += shape.bytes;
        out += shape.n;
    }
}

}  // namespace

void dequantise(const Matrix& w, int64_t i, int64_t begin, int64_t end, float* out) {
    switch (w.dtype) {
        case Dtype::f32:
            std::copy_n(static_cast<const float*>(w.row(i)) + begin, end - begin, out);
            return;
        case Dtype::bf16: {
            const auto* row = static_cast<const uint16_t*>(w.row(i));
            for (int64_t c = begin; c < end; ++c) *out++ = bf16_to_f32(row[c]);
            return;
        }
        case Dtype::f16: {
            const auto* row = static_cast<const uint16_t*>(w.row(i));
            for (int64_t c = begin; c < end; ++c) *out++ = f16_to_f32(row[c]);
            return;
        }
        case Dtype::fp8:
            return read_fp8(w, i, begin, end, out);
        case Dtype::fp4:
            return read_fp4(w, i, begin, end, out);
        case Dtype::q8_0:
            return read_blocks(w, i, begin, end, out, read_q8_0);
        case Dtype::q4_k:
            return read_blocks(w, i, begin, end, out, read_q4_k);
        case Dtype::q2_k:
            return read_blocks(w, i, begin, end, out, read_q2_k);
        case Dtype::iq2_xxs:
            return read_blocks(w, i, begin, end, out, read_iq2_xxs);
        case Dtype::mxfp4:
            return read_blocks(w, i, begin, end, out, read_mxfp4);
    }
}

}  // namespace engine::kernels
