#pragma once
// The safetensors format: 8 bytes with the header's length (little-endian), a JSON header, tensor
// bytes. Nothing of a file is believed before all of it is checked: length, JSON, types, shapes,
// and that the tensors cover the bytes behind the header exactly, without gap or overlap.
#include <cstddef>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/weights/tensor_source.h"

namespace engine {

// `file` is the whole file and must outlive the tensors; `name` stands in them and before each
// error. Errors: file_broken; unsupported, for an element type that no V4 checkpoint has.
Result<std::vector<Tensor>> parse_safetensors(std::span<const std::byte> file,
                                              const std::string& name);

}  // namespace engine
