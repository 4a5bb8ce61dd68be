#pragma once
// How a row of KV is held: f32, bf16, or the two formats of the official mix, which V4 was trained
// with. A row keeps nothing of its neighbours, so rows are written once and read in any order.
#include <cstddef>
#include <cstdint>

namespace engine::kernels {

enum class RowFormat : uint8_t {
    f32,
    bf16,
    // e4m3 in groups of 64 with a power-of-two scale each, but for the trailing n_rot numbers:
    // bf16. In order: codes, bf16 numbers, one ue8m0 byte a group.
    fp8,
    // e2m1 in groups of 32 with a power-of-two scale each: two codes a byte, low half first, then
    // one ue8m0 byte a group.
    fp4,
};

struct RowShape {
    RowFormat format = RowFormat::f32;
    int64_t width = 0;
    int64_t n_rot = 0;  // fp8: the trailing numbers that stay bf16

    int64_t bytes() const;  // of a row, padding included: a multiple of 4, of fp8 one of 8
};

// Rows of one shape, one behind the other. Borrowed.
struct StoredRows {
    const std::byte* data = nullptr;
    RowShape shape;

    const std::byte* row(int64_t i) const { return data + i * shape.bytes(); }
};

// row[width] to the nearest numbers that the format holds, in place.
void round_row(const RowShape& shape, float* row);
// Writes to[bytes()]: row[width], rounded as round_row() does; what was rounded before is kept to
// the bit. A group that has a NaN becomes NaN as a whole.
void store_row(const RowShape& shape, const float* row, std::byte* to);

// Widening, exact, as a table of functions, one table an instruction set, chosen with Ops. Writes
// to[n]. Scales are ue8m0, one a group of 64 (e4m3) or 32 (e2m1). The two e4m3 codes that are NaN
// stand under a NaN scale only.
struct RowOps {
    void (*expand_bf16)(const std::byte* from, int64_t n, float* to);
    void (*expand_e4m3)(const std::byte* codes, const std::byte* scales, int64_t n, float* to);
    void (*expand_e2m1)(const std::byte* codes, const std::byte* scales, int64_t n, float* to);
};

// row[width] = the numbers that `from` holds.
void expand_row(const RowOps& ops, const RowShape& shape, const std::byte* from, float* row);

extern const RowOps kRowOpsPortable;
#if defined(__x86_64__)
extern const RowOps kRowOpsAvx2;
#endif

}  // namespace engine::kernels
