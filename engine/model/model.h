#pragma once
// The weights of one DeepSeek-V4 model. Constant after load and free to share between threads.
// Tensors stay in the mapped file wherever kernels can read them there; others are converted once.
#include <cstdint>
#include <filesystem>
#include <memory>

#include "engine/engine.h"
#include "engine/model/layer_weights.h"
#include "engine/model/model_config.h"
#include "engine/model/model_options.h"
#include "engine/weights/tensor_source.h"

namespace engine {

class Model {
public:
    // From a checkpoint folder (config.json and safetensors, official and transformers' names; F32,
    // F16, BF16, FP8, FP4) or a GGUF file (F32, F16, BF16, Q8_0, Q4_K, Q2_K, IQ2_XXS, MXFP4).
    // Errors: file_missing, file_broken, unsupported.
    static Result<std::unique_ptr<Model>> load(const std::filesystem::path& path,
                                               const ModelOptions& options);
    // The same from any source of tensors, which the model keeps.
    static Result<std::unique_ptr<Model>> from_source(const ModelConfig& config,
                                                      std::unique_ptr<TensorSource> source,
                                                      const ModelOptions& options);

    const ModelConfig& config() const { return config_; }
    Roundings roundings() const { return roundings_; }
    Numerics numerics() const { return numerics_; }
    int64_t n_parameters() const { return n_parameters_; }
    int64_t converted_bytes() const { return storage_.bytes(); }  // memory held beside the source

    // For forward() only.
    const ModelWeights& weights() const { return weights_; }
    kernels::PanelKinds panel_kinds() const { return panel_kinds_; }

private:
    Model() = default;

    ModelConfig config_;
    Roundings roundings_ = Roundings::none;
    Numerics numerics_ = Numerics::exact;
    kernels::PanelKinds panel_kinds_;
    int64_t n_parameters_ = 0;
    std::unique_ptr<TensorSource> source_;
    ConvertedStorage storage_;
    ModelWeights weights_;
};

}  // namespace engine
