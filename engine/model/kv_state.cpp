#include "engine/model/kv_state.h"

#include <algorithm>

#include "config/ensure.h"

namespace engine {
namespace {

// Rows of one layer beyond this have pages of 2 MiB: the last of them wastes an eighth at most.
constexpr int64_t kSmallPageBytes = 16 << 20;

int64_t whole_pages(int64_t bytes) {
    return (bytes + ReservedMemory::kPage - 1) / ReservedMemory::kPage * ReservedMemory::kPage;
}

CompressedRows make_rows(const LayerConfig& layer, const kernels::RowShape& shape, int64_t n_ctx) {
    CompressedRows rows;
    rows.state = kernels::CompressorState(compressor_shape(layer, shape.width));
    rows.shape = shape;
    rows.n_rows_max = n_ctx / layer.compress_ratio;
    return rows;
}

template <class Visit>
void for_each_rows(std::vector<LayerKv>& layers, const Visit& visit) {
    for (LayerKv& layer : layers) {
        for (CompressedRows* rows : {&layer.entries, &layer.indexer_keys}) visit(*rows);
    }
}

}  // namespace

KvState::KvState(const ModelConfig& config, int64_t n_ctx, KvFormat format)
    : n_ctx_(n_ctx), format_(format), row_shape_(kv_row_shape(config, format)) {
    ENSURE(n_ctx >= 1);
    const kernels::RowShape key = indexer_key_shape(config, format);
    layers_.reserve(config.layers.size());
    for (const auto& layer : config.layers) {
        LayerKv kv;
        kv.window = kernels::Window(std::min(config.n_window, n_ctx), config.head_dim);
        if (layer.attention != AttentionKind::sliding)
            kv.entries = make_rows(layer, row_shape_, n_ctx);
        if (layer.attention == AttentionKind::csa) kv.indexer_keys = make_rows(layer, key, n_ctx);
        layers_.push_back(std::move(kv));
    }
    const auto bytes_of = [](const CompressedRows& rows) {
        return rows.n_rows_max * rows.shape.bytes();
    };
    int64_t total = 0;
    for_each_rows(layers_, [&](CompressedRows& rows) { total += whole_pages(bytes_of(rows)); });
    memory_ = ReservedMemory(total);
    int64_t begin = 0;
    for_each_rows(layers_, [&](CompressedRows& rows) {
        rows.rows = memory_.data() + begin;
        memory_.ask_for_huge_pages(begin + kSmallPageBytes, begin + bytes_of(rows));
        begin += whole_pages(bytes_of(rows));
    });
}

void KvState::reset() {
    for_each_rows(layers_, [this](const CompressedRows& rows) {
        if (rows.n_rows_max == 0) return;
        const int64_t begin = rows.rows - memory_.data();
        const int64_t n = n_tokens_ / rows.state.shape.ratio;
        memory_.give_back(begin, begin + n * rows.shape.bytes());
    });
    for (auto& layer : layers_) layer.window.reset();
    n_tokens_ = 0;
}

}  // namespace engine
