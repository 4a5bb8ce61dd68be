#pragma once
// Everything one sequence keeps between two forward() calls: window rows, compressor states,
// compressed entries, indexer keys. Entries and keys are reserved for n_ctx positions and take
// memory as they are written; the rest is small and there from the start. Used by one forward() at
// a time.
#include <cstdint>
#include <vector>

#include "engine/kernels/compressor.h"
#include "engine/kernels/window.h"
#include "engine/model/kv_format.h"
#include "engine/model/model_config.h"
#include "engine/model/reserved_memory.h"

namespace engine {

// Compressed rows of one layer: appended when a window of compress_ratio tokens closes, then final.
struct CompressedRows {
    kernels::CompressorState state;
    kernels::RowShape shape;
    std::byte* rows = nullptr;  // [n_rows_max], in the sequence's memory
    int64_t n_rows_max = 0;

    std::byte* row(int64_t i) const { return rows + i * shape.bytes(); }
    kernels::StoredRows stored() const { return {rows, shape}; }
};

struct LayerKv {
    kernels::Window window;       // f32, rounded to the format
    CompressedRows entries;       // csa, hca
    CompressedRows indexer_keys;  // csa
};

class KvState {
public:
    // n_ctx >= 1: the most positions the sequence may ever hold. Throws std::bad_alloc.
    KvState(const ModelConfig& config, int64_t n_ctx, KvFormat format = KvFormat::f32);

    void reset();  // to an empty sequence, which gives its memory back
    int64_t n_tokens() const { return n_tokens_; }
    int64_t n_ctx() const { return n_ctx_; }
    KvFormat format() const { return format_; }

    // For forward() and snapshots only.
    int64_t n_layers() const { return static_cast<int64_t>(layers_.size()); }
    LayerKv& layer(int64_t i) { return layers_[static_cast<size_t>(i)]; }
    const LayerKv& layer(int64_t i) const { return layers_[static_cast<size_t>(i)]; }
    const kernels::RowShape& row_shape() const { return row_shape_; }  // of windows and entries
    void advance(int64_t n) { n_tokens_ += n; }

private:
    int64_t n_ctx_;
    KvFormat format_;
    kernels::RowShape row_shape_;
    int64_t n_tokens_ = 0;
    ReservedMemory memory_;
    std::vector<LayerKv> layers_;
};

}  // namespace engine
