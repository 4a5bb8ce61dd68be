#include "engine/model/kv_format.h"

namespace engine {
namespace {

using kernels::RowFormat;

constexpr RowFormat kPlain[] = {RowFormat::f32, RowFormat::bf16};

// Of sizes that a config may state and no machine holds: stops at INT64_MAX.
int64_t times(int64_t a, int64_t b) {
    int64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

int64_t state_bytes(const LayerConfig& layer, int64_t width) {
    const kernels::CompressorShape shape = compressor_shape(layer, width);
    return 2 * shape.n_kept() * shape.token_width() * static_cast<int64_t>(sizeof(float));
}

}  // namespace

kernels::RowShape kv_row_shape(const ModelConfig& config, KvFormat format) {
    if (format == KvFormat::official) return {RowFormat::fp8, config.head_dim, config.n_rot};
    return {kPlain[static_cast<size_t>(format)], config.head_dim, 0};
}

kernels::RowShape indexer_key_shape(const ModelConfig& config, KvFormat format) {
    const int64_t width = config.indexer.head_dim;
    if (format == KvFormat::official) return {RowFormat::fp4, width, 0};
    return {kPlain[static_cast<size_t>(format)], width, 0};
}

kernels::CompressorShape compressor_shape(const LayerConfig& layer, int64_t width) {
    const bool csa = layer.attention == AttentionKind::csa;
    return {width, layer.compress_ratio,
            csa ? kernels::Overlap::previous_window : kernels::Overlap::none};
}

KvBytes kv_bytes(const ModelConfig& config, KvFormat format, int64_t n_tokens) {
    KvBytes bytes;
    for (const LayerConfig& layer : config.layers) {
        bytes.fixed = saturated_sum(bytes.fixed, 2 * config.n_window * config.head_dim *
                                                     static_cast<int64_t>(sizeof(float)));
        if (layer.attention == AttentionKind::sliding) continue;
        const int64_t n_rows = n_tokens / layer.compress_ratio;
        bytes.growing =
            saturated_sum(bytes.growing, times(n_rows, kv_row_shape(config, format).bytes()));
        bytes.fixed = saturated_sum(bytes.fixed, state_bytes(layer, config.head_dim));
        if (layer.attention != AttentionKind::csa) continue;
        bytes.growing =
            saturated_sum(bytes.growing, times(n_rows, indexer_key_shape(config, format).bytes()));
        bytes.fixed = saturated_sum(bytes.fixed, state_bytes(layer, config.indexer.head_dim));
    }
    return bytes;
}

}  // namespace engine
