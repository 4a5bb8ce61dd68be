#include "engine/plan/token_costs.h"

#include <algorithm>

namespace engine {

RowsSeen rows_seen(const ModelConfig& config, const LayerConfig& layer, int64_t n_ctx) {
    RowsSeen seen;
    seen.window = std::min(config.n_window, n_ctx);
    if (layer.attention == AttentionKind::sliding) return seen;
    const int64_t n_entries = n_ctx / layer.compress_ratio;
    seen.entries = n_entries;
    if (layer.attention == AttentionKind::csa && n_entries > config.indexer.top_k) {
        seen.entries = config.indexer.top_k;
        seen.scored = n_entries;
    }
    return seen;
}

double kv_bytes_read(const ModelConfig& config, KvFormat format, int64_t n_ctx) {
    const auto row = static_cast<double>(kv_row_shape(config, format).bytes());
    const auto key = static_cast<double>(indexer_key_shape(config, format).bytes());
    const double window_row = 4 * static_cast<double>(config.head_dim);
    double bytes = 0;
    for (const LayerConfig& layer : config.layers) {
        const RowsSeen seen = rows_seen(config, layer, n_ctx);
        bytes += static_cast<double>(seen.window) * window_row;
        bytes += static_cast<double>(seen.entries) * row + static_cast<double>(seen.scored) * key;
    }
    return bytes;
}

Operations operations(const ModelConfig& config, double n_parameters_active, int64_t n_ctx) {
    const double row = 4 * static_cast<double>(config.n_heads * config.head_dim);
    const double key = 2 * static_cast<double>(config.indexer.n_heads * config.indexer.head_dim);
    Operations sum;
    sum.weights = 2 * n_parameters_active;
    for (const LayerConfig& layer : config.layers) {
        const RowsSeen seen = rows_seen(config, layer, n_ctx);
        sum.attention += row * static_cast<double>(seen.window + seen.entries);
        sum.indexer += key * static_cast<double>(seen.scored);
    }
    return sum;
}

}  // namespace engine
