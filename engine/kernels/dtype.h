#pragma once
// How the numbers of a matrix are stored. f32, bf16 and f16 stand by themselves; the others come in
// blocks along a row, which engine/kernels/dequantise.h turns into numbers. Activations, KV and
// sums are f32 whatever the weights are.
#include <cstdint>

namespace engine {

enum class Dtype : uint8_t {
    f32,
    bf16,
    f16,
    fp8,   // e4m3; one scale for each block of 128 x 128, beside the matrix
    fp4,   // e2m1 pairs, low nibble first; one ue8m0 scale for each 32 of a row, beside the matrix
    q8_0,  // from here on GGUF's block formats, scales inside
    q4_k,
    q2_k,
    iq2_xxs,
    mxfp4,
};

struct BlockShape {
    int64_t n = 1;      // numbers of a row that stand together
    int64_t bytes = 1;  // what they take
};

constexpr BlockShape block_shape(Dtype dtype) {
    switch (dtype) {
        case Dtype::f32:
            return {1, 4};
        case Dtype::bf16:
        case Dtype::f16:
            return {1, 2};
        case Dtype::fp8:
            return {1, 1};
        case Dtype::fp4:
            return {2, 1};
        case Dtype::q8_0:
            return {32, 34};
        case Dtype::q4_k:
            return {256, 144};
        case Dtype::q2_k:
            return {256, 84};
        case Dtype::iq2_xxs:
            return {256, 66};
        case Dtype::mxfp4:
            return {32, 17};
    }
    return {};
}

// Of n numbers of one row, n a multiple of the block. Scales beside the matrix do not count.
constexpr int64_t bytes_of(Dtype dtype, int64_t n) {
    const BlockShape block = block_shape(dtype);
    return n / block.n * block.bytes;
}

constexpr const char* to_string(Dtype dtype) {
    constexpr const char* kNames[] = {"f32",  "bf16", "f16",  "fp8",     "fp4",
                                      "q8_0", "q4_k", "q2_k", "iq2_xxs", "mxfp4"};
    return kNames[static_cast<int>(dtype)];
}

}  // namespace engine
