#pragma once
// The bench shapes: V4 scaled down, Q8_0 with MXFP4 experts and F16 small matrices, random weights
// whose sizes keep activations near 1. x has the published Flash model's layers. Tensors of one
// shape share their bytes in the source; the model packs each for itself.
#include <memory>
#include <string_view>
#include <vector>

#include "engine/model/model_config.h"
#include "engine/weights/tensor_source.h"

namespace bench {

constexpr std::string_view kShapes[] = {"xs", "s", "m", "x"};

engine::ModelConfig shape_config(std::string_view shape);  // one of kShapes
std::unique_ptr<engine::TensorSource> shape_tensors(const engine::ModelConfig& config);

}  // namespace bench
