#include "engine/model/model_options.h"

#include <algorithm>
#include <bit>

namespace engine {

namespace {

Result<void> check_hadamard(const ModelConfig& config, const char* what) {
    const bool indexed = std::any_of(config.layers.begin(), config.layers.end(), [](const auto& l) {
        return l.attention == AttentionKind::csa;
    });
    const auto width = static_cast<uint64_t>(config.indexer.head_dim);
    if (!indexed || std::has_single_bit(width)) return {};
    return tl::unexpected(Error{Errc::unsupported, "index_head_dim: " + std::to_string(width) +
                                                       ", " + what + " need a power of two"});
}

}  // namespace

Result<void> check_roundings(const ModelConfig& config, Roundings roundings) {
    if (roundings == Roundings::none) return {};
    return check_hadamard(config, "the official roundings");
}

Result<void> check_kv_format(const ModelConfig& config, KvFormat format) {
    if (format != KvFormat::official) return {};
    return check_hadamard(config, "the official KV formats");
}

}  // namespace engine
