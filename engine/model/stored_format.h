#pragma once
// How a tensor may be stored for its role, and a stored matrix as kernels see it.
#include <optional>
#include <string_view>

#include "engine/kernels/dtype.h"
#include "engine/model/tensor_set.h"
#include "engine/model/tensor_specs.h"

namespace engine {

bool is_quantised_beside_scales(TensorType type);  // FP8, and the bytes of FP4 pairs

// The compute format of a matrix's type. Needs one that problem_of() has no problem with.
Dtype matrix_dtype(TensorType type);

// Why `stored` cannot stand for `spec`: shape, element type, scales. Nothing if it can.
std::optional<Error> problem_of(const TensorSpec& spec, const StoredTensor& stored);

// "layers.7.x" for 7 in [begin, end)
bool is_layer_in(std::string_view name, int64_t begin, int64_t end);

}  // namespace engine
