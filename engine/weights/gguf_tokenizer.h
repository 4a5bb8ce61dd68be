#pragma once
// The tokenizer inside a GGUF file, as the tokenizer.json that it was made from.
#include <string>

#include "engine/engine.h"
#include "engine/weights/gguf.h"

namespace engine {

// Empty: the file has no vocabulary. A whole tokenizer.json in the file goes before its parts.
// Errors: file_broken; unsupported, for another kind than DeepSeek's byte-level BPE.
Result<std::string> tokenizer_json_of(const GgufFile& file, const std::string& name);

}  // namespace engine
