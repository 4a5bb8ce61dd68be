#include "engine/model/stored_matrix.h"

#include <cstring>

#include "config/ensure.h"
#include "engine/kernels/fp8.h"
#include "engine/model/stored_format.h"
#include "engine/weights/convert.h"

namespace engine {
namespace {

bool is_aligned(const std::byte* bytes, int64_t alignment) {
    return reinterpret_cast<uintptr_t>(bytes) % static_cast<uintptr_t>(alignment) == 0;
}

const float* fp8_scales(const Tensor& scale, ConvertedStorage& storage) {
    const int64_t n = n_elements(scale.shape).value_or(0);
    auto* out = static_cast<float*>(storage.allocate(bytes_of(Dtype::f32, n)));
    if (scale.type == TensorType::f32) {
        std::memcpy(out, scale.bytes.data(), scale.bytes.size());
        return out;
    }
    const auto* bits = reinterpret_cast<const uint8_t*>(scale.bytes.data());
    for (int64_t i = 0; i < n; ++i) out[i] = kernels::from_ue8m0(bits[i]);
    return out;
}

}  // namespace

const void* float_data(const Tensor& tensor, Dtype dtype, ConvertedStorage& storage) {
    const bool same = matrix_dtype(tensor.type) == dtype;
    if (same && is_aligned(tensor.bytes.data(), bytes_of(dtype, 1))) return tensor.bytes.data();
    const int64_t n = n_elements(tensor.shape).value_or(0);
    void* out = storage.allocate(bytes_of(dtype, n));
    if (same) {
        std::memcpy(out, tensor.bytes.data(), tensor.bytes.size());
    } else if (dtype == Dtype::f32) {
        convert_to_f32(tensor, static_cast<float*>(out));
    } else {
        ENSURE(dtype == Dtype::bf16);
        convert_to_bf16(tensor, static_cast<uint16_t*>(out));
    }
    return out;
}

Matrix matrix_of(const StoredTensor& stored, ConvertedStorage& storage) {
    const Tensor& t = stored.tensor;
    Matrix matrix{t.bytes.data(), matrix_dtype(t.type), t.shape[0], t.shape[1], nullptr, 0};
    if (matrix.dtype == Dtype::fp8) {
        matrix.scales = fp8_scales(*stored.scale, storage);
    } else if (matrix.dtype == Dtype::fp4) {
        matrix.cols *= 2;
        matrix.scales = stored.scale->bytes.data();
    } else if (is_float(t.type)) {
        matrix.data = float_data(t, matrix.dtype, storage);
    }
    return matrix;
}

}  // namespace engine
