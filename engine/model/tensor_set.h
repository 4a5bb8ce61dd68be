#pragma once
// A checkpoint's tensors by official name, checked against what the config asks for. Fused experts
// are cut into single ones. MTP tensors are left alone.
#include <map>
#include <string>

#include "engine/engine.h"
#include "engine/model/model_config.h"
#include "engine/weights/tensor_source.h"

namespace engine {

// One expected tensor: `bytes` may be a part of a fused one.
using TensorSet = std::map<std::string, Tensor, std::less<>>;

// Errors: file_broken (missing, left over, twice, another shape or element type), unsupported (FP8,
// FP4).
Result<TensorSet> collect_tensors(const ModelConfig& config, const TensorSource& source);

}  // namespace engine
