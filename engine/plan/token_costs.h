#pragma once
// What one token costs beside the weights, at a context of n tokens, its own included: KV and
// operations.
#include "engine/model/kv_format.h"

namespace engine {

// Rows that the token attends to: its window, and the compressed entries that its layer lets it
// see.
struct RowsSeen {
    int64_t window = 0;
    int64_t entries = 0;
    int64_t scored = 0;  // indexer keys that had to be looked at to choose among entries
};
RowsSeen rows_seen(const ModelConfig& config, const LayerConfig& layer, int64_t n_ctx);

// Bytes of KV that the token reads, window rows being f32 whatever the format.
double kv_bytes_read(const ModelConfig& config, KvFormat format, int64_t n_ctx);

// Floating-point operations of one decoded token; a multiply and its add are two.
struct Operations {
    double weights = 0;    // 2 for each active parameter
    double attention = 0;  // 4 * n_heads * head_dim for each row seen
    double indexer = 0;    // 2 * n_heads * head_dim of the indexer for each key scored

    double total() const { return weights + attention + indexer; }
};
Operations operations(const ModelConfig& config, double n_parameters_active, int64_t n_ctx);

}  // namespace engine
