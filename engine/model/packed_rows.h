#pragma once
// Vectors as panels take them: what a product of a packed matrix reads beside the numbers. Empty
// where a model has no panels of a kind, and then packing does nothing.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kernels/matmul.h"
#include "engine/kernels/panels.h"

namespace engine {

class PackedRows {
public:
    PackedRows() = default;
    PackedRows(int64_t n, int64_t width, kernels::PanelKinds kinds);

    // Row i of each kind, from vectors [width].
    struct Sources {
        const float* integer;
        const float* bf16;
    };
    void pack(const kernels::Ops& ops, int64_t i, const Sources& from);
    void pack(const kernels::Ops& ops, int64_t i, const float* x) { pack(ops, i, {x, x}); }
    // Rows from i on, whose numbers are x's.
    kernels::MatmulInput input(const float* const* x, int64_t i = 0) const;
    const std::byte* quantised(int64_t i) const { return quantised_.row(i); }  // null: no such kind
    const std::byte* rounded(int64_t i) const { return rounded_.row(i); }
    int64_t bytes() const;

private:
    struct alignas(64) CacheLine {
        std::byte bytes[64];
    };
    struct Kind {
        std::vector<CacheLine> lines;
        std::vector<const std::byte*> pointers;

        void size(int64_t n, int64_t row_bytes);
        const std::byte* row(int64_t i) const {
            return pointers.empty() ? nullptr : pointers[static_cast<size_t>(i)];
        }
        std::byte* written_row(int64_t i);
        int64_t n_lines = 0;  // of a row
    };
    int64_t width_ = 0;
    Kind quantised_, rounded_;
};

// Pointers to vectors in an order of their own.
class PackedPointers {
public:
    PackedPointers() = default;
    PackedPointers(int64_t n, kernels::PanelKinds kinds);

    void set(int64_t at, const float* x, const PackedRows& rows, int64_t i);
    kernels::MatmulInput from(int64_t at) const;

private:
    std::vector<const float*> x_;
    std::vector<const std::byte*> quantised_, rounded_;
};

}  // namespace engine
