#pragma once
// A checkpoint's tensors by official name, checked against what the config asks for. Fused experts
// are cut into single ones, and quantised matrices stand with their scales.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/model/model_config.h"
#include "engine/model/tensor_specs.h"
#include "engine/weights/tensor_source.h"

namespace engine {

// One expected tensor: `bytes` may be a part of a fused one.
struct StoredTensor {
    Tensor tensor;
    std::optional<Tensor> scale;  // of FP8 and FP4 matrices of safetensors
};
using TensorSet = std::map<std::string, StoredTensor, std::less<>>;

enum class MtpTensors : uint8_t { leave_out, take };

// Errors: file_broken (missing, left over, twice, another shape or element type), unsupported.
// Tensors of drafters are left alone, but for the MTP block's when they are taken.
Result<TensorSet> collect_tensors(const ModelConfig& config, const TensorSource& source,
                                  MtpTensors mtp = MtpTensors::leave_out);

// Whether the source has an MTP block (and not another drafter under the same prefix).
bool has_mtp(const TensorSource& source);

}  // namespace engine
