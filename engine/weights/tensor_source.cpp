#include "engine/weights/tensor_source.h"

#include <array>

namespace engine {
namespace {

struct TypeInfo {
    TensorType type;
    std::string_view name;  // in a safetensors header
    int64_t bytes;
};

constexpr std::array kTypes = {
    TypeInfo{TensorType::f32, "F32", 4},         TypeInfo{TensorType::f16, "F16", 2},
    TypeInfo{TensorType::bf16, "BF16", 2},       TypeInfo{TensorType::f8_e4m3, "F8_E4M3", 1},
    TypeInfo{TensorType::f8_e8m0, "F8_E8M0", 1}, TypeInfo{TensorType::i64, "I64", 8},
    TypeInfo{TensorType::i32, "I32", 4},         TypeInfo{TensorType::i8, "I8", 1},
    TypeInfo{TensorType::u8, "U8", 1},
};

}  // namespace

std::string_view to_string(TensorType type) {
    for (const auto& info : kTypes) {
        if (info.type == type) return info.name;
    }
    return "?";
}

std::optional<TensorType> tensor_type(std::string_view name) {
    for (const auto& info : kTypes) {
        if (info.name == name) return info.type;
    }
    return std::nullopt;
}

int64_t bytes_of(TensorType type) {
    for (const auto& info : kTypes) {
        if (info.type == type) return info.bytes;
    }
    return 0;
}

std::optional<int64_t> n_elements(std::span<const int64_t> shape) {
    int64_t n = 1;
    for (const int64_t dim : shape) {
        if (dim < 0 || __builtin_mul_overflow(n, dim, &n)) return std::nullopt;
    }
    return n;
}

std::string to_string(std::span<const int64_t> shape) {
    std::string text = "[";
    for (const int64_t dim : shape) {
        if (text.size() > 1) text += ", ";
        text += std::to_string(dim);
    }
    return text + "]";
}

}  // namespace engine
