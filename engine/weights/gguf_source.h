#pragma once
// A GGUF file, or all files of a split one, as a model.
#include <filesystem>

#include "engine/weights/model_files.h"

namespace engine {

// `path` is the only file, or the first of a split one ("x-00001-of-00003.gguf"), whose others
// stand beside it. Errors: file_missing, file_broken, unsupported.
Result<ModelFiles> open_gguf(const std::filesystem::path& path);

}  // namespace engine
