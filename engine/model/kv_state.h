#pragma once
// Everything one sequence keeps between two forward() calls: window rows, compressor states,
// compressed entries, indexer keys. Sized once for n_ctx positions; f32. Pages of entries are
// touched as they fill. Used by one forward() at a time.
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/kernels/compressor.h"
#include "engine/kernels/window.h"
#include "engine/model/model_config.h"

namespace engine {

// Compressed rows of one layer: appended when a window of compress_ratio tokens closes, then final.
struct CompressedRows {
    kernels::CompressorState state;
    std::unique_ptr<float[]> rows;  // [n_rows_max, width]
    int64_t width = 0;
    int64_t n_rows_max = 0;
};

struct LayerKv {
    kernels::Window window;
    CompressedRows entries;       // csa, hca
    CompressedRows indexer_keys;  // csa
};

class KvState {
public:
    // n_ctx >= 1: the most positions the sequence may ever hold.
    KvState(const ModelConfig& config, int64_t n_ctx);

    void reset();  // to an empty sequence
    int64_t n_tokens() const { return n_tokens_; }
    int64_t n_ctx() const { return n_ctx_; }
    int64_t bytes() const;  // reserved; entries not yet written need no memory

    // For forward() only.
    LayerKv& layer(int64_t i) { return layers_[static_cast<size_t>(i)]; }
    void advance(int64_t n) { n_tokens_ += n; }

private:
    int64_t n_ctx_;
    int64_t n_tokens_ = 0;
    std::vector<LayerKv> layers_;
};

}  // namespace engine
