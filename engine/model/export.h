#pragma once
// A model in another form. Both write beside their place first: what does not finish leaves
// nothing.
#include <filesystem>
#include <functional>
#include <string>

#include "engine/model/model_config.h"
#include "engine/model/tensor_set.h"

namespace engine {

struct ExportSource {
    const ModelConfig& config;
    const TensorSet& tensors;
    const ModelFiles& files;
};
using Progress = std::function<void(int64_t n_done, int64_t n_total)>;  // bytes written

// One GGUF file, as llama.cpp's own converter writes it: FP8 becomes Q8_0 (nearest), FP4 MXFP4,
// other types stay; norms, biases and mHC are F32. The MTP block is left out: readers refuse files
// with tensors that they do not know.
Result<void> export_gguf(const ExportSource& from, const std::filesystem::path& to,
                         const Progress& progress);

// A checkpoint folder under official names: MXFP4 becomes FP4 with its scales, other block formats
// BF16 (nearest), the rest stays.
Result<void> export_safetensors(const ExportSource& from, const std::filesystem::path& to,
                                const Progress& progress);

}  // namespace engine
