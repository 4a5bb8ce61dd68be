#include "engine/model/model_options.h"

#include <algorithm>
#include <bit>

namespace engine {

Result<void> check_roundings(const ModelConfig& config, Roundings roundings) {
    if (roundings == Roundings::none) return {};
    const bool indexed = std::any_of(config.layers.begin(), config.layers.end(), [](const auto& l) {
        return l.attention == AttentionKind::csa;
    });
    const auto width = static_cast<uint64_t>(config.indexer.head_dim);
    if (!indexed || std::has_single_bit(width)) return {};
    return tl::unexpected(Error{Errc::unsupported, "index_head_dim: " + std::to_string(width) +
                                                       ", the official roundings need a power of "
                                                       "two"});
}

}  // namespace engine
