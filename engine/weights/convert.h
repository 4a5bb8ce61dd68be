#pragma once
// Element-wise conversion of a tensor's bytes to a compute type. Sources have any alignment.
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/weights/tensor_source.h"

namespace engine {

bool is_float(TensorType type);  // f32, f16, bf16: what converts

uint16_t to_bf16(float value);  // nearest, ties to even; NaN stays NaN

// out holds as many elements as the tensor. Needs is_float(tensor.type).
void convert_to_f32(const Tensor& tensor, float* out);
void convert_to_bf16(const Tensor& tensor, uint16_t* out);

}  // namespace engine
