#include "engine/model/model.h"

#include <algorithm>
#include <bit>

#include "engine/model/model_loader.h"
#include "engine/model/tensor_specs.h"
#include "engine/weights/checkpoint.h"

namespace engine {
namespace {

// The Hadamard transform exists for powers of two only.
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

}  // namespace

Result<std::unique_ptr<Model>> Model::load(const std::filesystem::path& dir,
                                           const ModelOptions& options) {
    const auto config = read_model_config(dir);
    if (!config) return tl::unexpected(config.error());
    auto source = open_checkpoint(dir);
    if (!source) return tl::unexpected(source.error());
    return from_source(*config, std::move(*source), options);
}

Result<std::unique_ptr<Model>> Model::from_source(const ModelConfig& config,
                                                  std::unique_ptr<TensorSource> source,
                                                  const ModelOptions& options) {
    if (auto checked = check_roundings(config, options.roundings); !checked) {
        return tl::unexpected(checked.error());
    }
    std::unique_ptr<Model> model(new Model);
    model->config_ = config;
    model->roundings_ = options.roundings;
    model->source_ = std::move(source);
    auto weights = load_weights(config, *model->source_, options, model->storage_);
    if (!weights) return tl::unexpected(weights.error());
    model->weights_ = std::move(*weights);
    model->n_parameters_ = engine::n_parameters(config);
    return model;
}

}  // namespace engine
