#pragma once
// The weights of one DeepSeek-V4 model. Constant after load and free to share between threads.
// Tensors that already have the compute dtype stay in the mapped file; others are converted once.
#include <cstdint>
#include <filesystem>
#include <memory>

#include "engine/engine.h"
#include "engine/kernels/dtype.h"
#include "engine/model/layer_weights.h"
#include "engine/model/model_config.h"
#include "engine/weights/tensor_source.h"

namespace engine {

class Model {
public:
    // From a checkpoint folder: config.json and model.safetensors, or shards with an index;
    // official and transformers' names. Errors: file_missing, file_broken, unsupported (FP8 and FP4
    // weights).
    static Result<std::unique_ptr<Model>> load(const std::filesystem::path& dir, Dtype dtype);
    // The same from any source of tensors, which the model keeps.
    static Result<std::unique_ptr<Model>> from_source(const ModelConfig& config,
                                                      std::unique_ptr<TensorSource> source,
                                                      Dtype dtype);

    const ModelConfig& config() const { return config_; }
    Dtype dtype() const { return dtype_; }
    int64_t n_parameters() const { return n_parameters_; }
    int64_t converted_bytes() const { return storage_.bytes(); }  // memory held beside the source

    // For forward() only.
    const ModelWeights& weights() const { return weights_; }

private:
    Model() = default;

    ModelConfig config_;
    Dtype dtype_ = Dtype::bf16;
    int64_t n_parameters_ = 0;
    std::unique_ptr<TensorSource> source_;
    ConvertedStorage storage_;
    ModelWeights weights_;
};

}  // namespace engine
