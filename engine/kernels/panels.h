#pragma once
// Weights of the fast mode. Sixteen rows stand together in a panel, column by column, so that one
// vector holds the same columns of all of them, a thread reads one contiguous run of memory, and no
// sum is ever taken across a vector. Columns are padded with zeros to a multiple of kPanelStep,
// rows to a multiple of 16. A panel is a row of steps of cache lines:
//     q8    64 columns, 1088 bytes: f16 scales [2][16]; then for each 4 columns 16 x 4 bytes, int8
//     + 128 fp4   128 columns, 1088 bytes: ue8m0 scales [4][16]; then for each 32 columns 4 x 64
//     bytes, whose
//           low nibbles are columns 4j.. of 16 rows, high nibbles columns 16 + 4j..
//     bf16  32 columns, 1024 bytes: for each 2 columns 16 x 2 bf16
// and a weight is  unit * scale * (int8 or e2m1),  unit a power of two.
//
// q8 and fp4 multiply activations rounded to int8 with one f32 scale for each 32 (QuantisedRow):
// sums over 32 columns are exact integers, and each adds one fused multiply-add, in the order of
// columns:
//     acc = fma(float(sum), scale_w * scale_x, acc),   y = unit * acc
// bf16 panels multiply activations rounded to bf16, with two f32 chains over pairs of columns.
#include <cstddef>
#include <cstdint>

namespace engine::kernels {

enum class PanelType : uint8_t { none, q8, fp4, bf16 };

constexpr int64_t kPanelRows = 16;
constexpr int64_t kPanelBlock = 32;  // columns of one scale
constexpr int64_t kPanelStep = 128;
constexpr int64_t kPanelStepQ8 = 64;       // columns of a step of q8
constexpr int64_t kPanelStepBytes = 1088;  // of q8 and fp4
constexpr int64_t kPanelScaleBytes = 64;   // at its front

struct Panels {
    PanelType type = PanelType::none;
    const std::byte* data = nullptr;  // 64-byte aligned
    float unit = 1;
};

// Which kinds of activations a model's panels read.
struct PanelKinds {
    bool integer = false;  // q8 or fp4
    bool bf16 = false;
};

constexpr int64_t padded_cols(int64_t cols) {
    return (cols + kPanelStep - 1) / kPanelStep * kPanelStep;
}
constexpr int64_t n_panels(int64_t rows) {
    return (rows + kPanelRows - 1) / kPanelRows;
}
constexpr int64_t panel_bytes(PanelType type, int64_t cols) {
    const int64_t n = padded_cols(cols);
    switch (type) {
        case PanelType::q8:
            return n / kPanelStepQ8 * kPanelStepBytes;
        case PanelType::fp4:
            return n / kPanelStep * kPanelStepBytes;
        case PanelType::bf16:
            return n * kPanelRows * 2;
        case PanelType::none:
            break;
    }
    return 0;
}

constexpr const char* to_string(PanelType type) {
    constexpr const char* kNames[] = {"rows", "q8", "fp4", "bf16"};
    return kNames[static_cast<int>(type)];
}

// A vector of `cols` activations as integer panels take it, one after the other in memory:
//     int8 q[padded], f32 scale[padded / 32], int32 start_q8[padded / 32], start_fp4[padded / 32]
// scale = max |x| of the 32, / 127. q = x / scale, nearest even, in -127..127. The starts are -128
// and -12 times the sum of the block's q: what unsigned weights add too much.
struct QuantisedRow {
    static constexpr int64_t bytes(int64_t cols) {  // a multiple of a cache line
        return (padded_cols(cols) * 11 / 8 + 63) / 64 * 64;
    }
    static constexpr int64_t scales_at(int64_t cols) { return padded_cols(cols); }
    static constexpr int64_t starts_q8_at(int64_t cols) { return padded_cols(cols) * 9 / 8; }
    static constexpr int64_t starts_fp4_at(int64_t cols) { return padded_cols(cols) * 10 / 8; }
};

// The same for bf16 panels: bf16 [padded].
constexpr int64_t rounded_row_bytes(int64_t cols) {
    return padded_cols(cols) * 2;
}

}  // namespace engine::kernels
