#pragma once
// A stored tensor's bytes in another format, written row by row: no tensor is ever held whole.
#include "engine/model/layer_weights.h"
#include "engine/model/tensor_set.h"
#include "engine/weights/output_file.h"

namespace engine {

// Of a matrix or a vector, to: its own type; f32 or bf16 (nearest); q8_0; mxfp4 from fp4 pairs and
// fp4 pairs from mxfp4, bit for bit. Of a table: i32 or i64.
void write_tensor(const StoredTensor& stored, TensorType to, OutputFile& out);

// The ue8m0 scales of mxfp4 blocks, as they stand beside fp4 pairs: [rows, cols / 32] bytes.
void write_mxfp4_scales(const Tensor& tensor, OutputFile& out);

}  // namespace engine
