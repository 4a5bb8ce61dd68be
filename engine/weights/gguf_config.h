#pragma once
// What a GGUF file says about its model, as the config.json of the published checkpoints would.
// Keys that an export leaves out are derived from the tensors' shapes.
#include <string>

#include "engine/engine.h"
#include "engine/weights/gguf.h"

namespace engine {

// Errors: file_broken, naming the key that is missing and cannot be derived, or that has no usable
// value; unsupported, for another architecture.
Result<std::string> config_json_of(const GgufFile& file, const std::string& name);

}  // namespace engine
