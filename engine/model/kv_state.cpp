#include "engine/model/kv_state.h"

#include <algorithm>

#include "config/ensure.h"

namespace engine {
namespace {

CompressedRows make_rows(const LayerConfig& layer, int64_t width, int64_t n_ctx) {
    CompressedRows rows;
    rows.state = kernels::CompressorState({width, layer.compress_ratio,
                                           layer.attention == AttentionKind::csa
                                               ? kernels::Overlap::previous_window
                                               : kernels::Overlap::none});
    rows.width = width;
    rows.n_rows_max = n_ctx / layer.compress_ratio;
    rows.rows =
        std::make_unique_for_overwrite<float[]>(static_cast<size_t>(rows.n_rows_max * width));
    return rows;
}

int64_t bytes_of(const CompressedRows& rows) {
    return rows.n_rows_max * rows.width * static_cast<int64_t>(sizeof(float)) + rows.state.bytes();
}

}  // namespace

KvState::KvState(const ModelConfig& config, int64_t n_ctx) : n_ctx_(n_ctx) {
    ENSURE(n_ctx >= 1);
    layers_.reserve(config.layers.size());
    for (const auto& layer : config.layers) {
        LayerKv kv;
        kv.window = kernels::Window(std::min(config.n_window, n_ctx), config.head_dim);
        if (layer.attention != AttentionKind::sliding) {
            kv.entries = make_rows(layer, config.head_dim, n_ctx);
        }
        if (layer.attention == AttentionKind::csa) {
            kv.indexer_keys = make_rows(layer, config.indexer.head_dim, n_ctx);
        }
        layers_.push_back(std::move(kv));
    }
}

void KvState::reset() {
    n_tokens_ = 0;
    for (auto& layer : layers_) layer.window.reset();
}

int64_t KvState::bytes() const {
    int64_t total = 0;
    for (const auto& layer : layers_) {
        total += layer.window.bytes() + bytes_of(layer.entries) + bytes_of(layer.indexer_keys);
    }
    return total;
}

}  // namespace engine
