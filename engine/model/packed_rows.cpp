#include "engine/model/packed_rows.h"

#include "engine/kernels/panel_ops.h"

namespace engine {
namespace {

const std::byte* const* pointers_or_null(const std::vector<const std::byte*>& pointers, int64_t i) {
    return pointers.empty() ? nullptr : pointers.data() + i;
}

}  // namespace

void PackedRows::Kind::size(int64_t n, int64_t row_bytes) {
    n_lines = row_bytes / static_cast<int64_t>(sizeof(CacheLine));
    lines.resize(static_cast<size_t>(n * n_lines));
    pointers.resize(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) pointers[static_cast<size_t>(i)] = written_row(i);
}

std::byte* PackedRows::Kind::written_row(int64_t i) {
    return lines.data()[i * n_lines].bytes;
}

PackedRows::PackedRows(int64_t n, int64_t width, kernels::PanelKinds kinds) : width_(width) {
    if (kinds.integer) quantised_.size(n, kernels::QuantisedRow::bytes(width));
    if (kinds.bf16) rounded_.size(n, kernels::rounded_row_bytes(width));
}

void PackedRows::pack(const kernels::Ops& ops, int64_t i, const Sources& from) {
    if (!quantised_.pointers.empty()) {
        ops.panels->quantise(from.integer, width_, quantised_.written_row(i));
    }
    if (!rounded_.pointers.empty()) {
        ops.panels->round(from.bf16, width_, rounded_.written_row(i));
    }
}

kernels::MatmulInput PackedRows::input(const float* const* x, int64_t i) const {
    return {x, pointers_or_null(quantised_.pointers, i), pointers_or_null(rounded_.pointers, i)};
}

int64_t PackedRows::bytes() const {
    return static_cast<int64_t>((quantised_.lines.size() + rounded_.lines.size()) *
                                sizeof(CacheLine));
}

PackedPointers::PackedPointers(int64_t n, kernels::PanelKinds kinds)
    : x_(static_cast<size_t>(n)),
      quantised_(static_cast<size_t>(kinds.integer ? n : 0)),
      rounded_(static_cast<size_t>(kinds.bf16 ? n : 0)) {}

void PackedPointers::set(int64_t at, const float* x, const PackedRows& rows, int64_t i) {
    const auto place = static_cast<size_t>(at);
    x_[place] = x;
    if (!quantised_.empty()) quantised_[place] = rows.quantised(i);
    if (!rounded_.empty()) rounded_[place] = rows.rounded(i);
}

kernels::MatmulInput PackedPointers::from(int64_t at) const {
    return {x_.data() + at, pointers_or_null(quantised_, at), pointers_or_null(rounded_, at)};
}

}  // namespace engine
