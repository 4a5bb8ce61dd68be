#pragma once
// What a GGUF file says beside its tensors, from a config and a tokenizer.json.
#include <string>

#include "engine/model/export.h"
#include "engine/weights/gguf_writer.h"

namespace engine {

// Errors: unsupported, for what the format has no words for.
Result<void> add_model_keys(const ModelConfig& config, const std::string& name, GgufHeader& header);
// Nothing but "no_vocab" where the source has no tokenizer. Errors: file_broken.
Result<void> add_tokenizer_keys(const ExportSource& from, GgufHeader& header);

}  // namespace engine
