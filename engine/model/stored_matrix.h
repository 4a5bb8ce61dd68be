#pragma once
// A stored tensor as kernels see it: where its bytes lie, if they can be used there.
#include "engine/kernels/dtype.h"
#include "engine/model/layer_weights.h"
#include "engine/model/tensor_set.h"

namespace engine {

// A float tensor's numbers in `dtype` (its own, f32 or bf16): in the file, if they stand there so
// and aligned, else in `storage`.
const void* float_data(const Tensor& tensor, Dtype dtype, ConvertedStorage& storage);

// A matrix in its stored format. Needs a tensor that problem_of() has no problem with.
Matrix matrix_of(const StoredTensor& stored, ConvertedStorage& storage);

}  // namespace engine
