#include "engine/model/model.h"

#include "engine/model/model_loader.h"
#include "engine/model/tensor_specs.h"
#include "engine/weights/model_files.h"

namespace engine {

Result<std::unique_ptr<Model>> Model::load(const std::filesystem::path& path,
                                           const ModelOptions& options) {
    auto files = open_model_files(path);
    if (!files) return tl::unexpected(files.error());
    const auto config = parse_model_config(*files);
    if (!config) return tl::unexpected(config.error());
    return from_source(*config, std::move(files->tensors), options);
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
    model->numerics_ = options.numerics;
    model->source_ = std::move(source);
    auto weights =
        load_weights(config, *model->source_, options, model->storage_, model->panel_kinds_);
    if (!weights) return tl::unexpected(weights.error());
    model->weights_ = std::move(*weights);
    model->n_parameters_ = engine::n_parameters(config);
    return model;
}

}  // namespace engine
