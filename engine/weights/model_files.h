#pragma once
// A model as it stands on disk, whichever form it has: a checkpoint folder (config.json,
// tokenizer.json, safetensors), or a GGUF file, or the first of several.
#include <filesystem>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/weights/tensor_source.h"

namespace engine {

enum class ModelForm : uint8_t { safetensors, gguf };

struct ModelFiles {
    ModelForm form = ModelForm::safetensors;
    std::string config_json;     // of a GGUF file: as config.json would be
    std::string config_file;     // for messages
    std::string tokenizer_json;  // empty: none
    std::string tokenizer_file;  // for messages
    std::unique_ptr<TensorSource> tensors;
};

// Tensors are mapped, not read. Errors: file_missing, file_broken, unsupported.
Result<ModelFiles> open_model_files(const std::filesystem::path& path);

}  // namespace engine
