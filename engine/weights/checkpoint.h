#pragma once
// The tensors of a checkpoint folder: model.safetensors, or the shards that
// model.safetensors.index.json names. Files are mapped, not read.
#include <filesystem>
#include <memory>

#include "engine/engine.h"
#include "engine/weights/tensor_source.h"

namespace engine {

// Errors: file_missing, file_broken, unsupported.
Result<std::unique_ptr<TensorSource>> open_checkpoint(const std::filesystem::path& dir);

}  // namespace engine
