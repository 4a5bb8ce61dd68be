#pragma once
// Tells checkpoints apart for a fingerprint: config, tokenizer, and of each tensor its name, type,
// shape and first bytes. Reads a page a tensor, not the weights; no proof against forgery.
#include <cstdint>
#include <string_view>

#include "engine/weights/tensor_source.h"

namespace engine {

uint32_t model_digest(std::string_view config_json, std::string_view tokenizer_json,
                      const TensorSource& source);

}  // namespace engine
