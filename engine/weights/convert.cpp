#include "engine/weights/convert.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "config/ensure.h"
#include "engine/kernels/half.h"
#include "engine/kernels/matrix.h"

namespace engine {
namespace {

template <class T>
T load(const std::byte* bytes, size_t i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    return value;
}

template <class Put>
void for_each(const Tensor& tensor, Put put) {
    const std::byte* bytes = tensor.bytes.data();
    const auto n = static_cast<size_t>(n_elements(tensor.shape).value_or(0));
    switch (tensor.type) {
        case TensorType::f32:
            for (size_t i = 0; i < n; ++i) put(i, load<float>(bytes, i));
            return;
        case TensorType::bf16:
            for (size_t i = 0; i < n; ++i) put(i, kernels::bf16_to_f32(load<uint16_t>(bytes, i)));
            return;
        case TensorType::f16:
            for (size_t i = 0; i < n; ++i) put(i, kernels::f16_to_f32(load<uint16_t>(bytes, i)));
            return;
        default:
            ENSURE(is_float(tensor.type));
    }
}

}  // namespace

bool is_float(TensorType type) {
    return type == TensorType::f32 || type == TensorType::f16 || type == TensorType::bf16;
}

uint16_t to_bf16(float value) {
    return kernels::f32_to_bf16(value);
}

void convert_to_f32(const Tensor& tensor, float* out) {
    for_each(tensor, [out](size_t i, float value) { out[i] = value; });
}

void convert_to_bf16(const Tensor& tensor, uint16_t* out) {
    if (tensor.type == TensorType::bf16) {
        std::memcpy(out, tensor.bytes.data(), tensor.bytes.size());
        return;
    }
    for_each(tensor, [out](size_t i, float value) { out[i] = to_bf16(value); });
}

}  // namespace engine
