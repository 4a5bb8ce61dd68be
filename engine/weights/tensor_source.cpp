#include "engine/weights/tensor_source.h"

#include <array>

namespace engine {
namespace {

struct TypeInfo {
    TensorType type;
    std::string_view name;
    int64_t block_bytes;
    int64_t block = 1;  // elements
};

constexpr std::array kTypes = {
    TypeInfo{TensorType::f32, "F32", 4},
    TypeInfo{TensorType::f16, "F16", 2},
    TypeInfo{TensorType::bf16, "BF16", 2},
    TypeInfo{TensorType::f8_e4m3, "F8_E4M3", 1},
    TypeInfo{TensorType::f8_e8m0, "F8_E8M0", 1},
    TypeInfo{TensorType::i64, "I64", 8},
    TypeInfo{TensorType::i32, "I32", 4},
    TypeInfo{TensorType::i8, "I8", 1},
    TypeInfo{TensorType::u8, "U8", 1},
    TypeInfo{TensorType::q8_0, "Q8_0", 34, 32},
    TypeInfo{TensorType::q4_k, "Q4_K", 144, 256},
    TypeInfo{TensorType::q2_k, "Q2_K", 84, 256},
    TypeInfo{TensorType::iq2_xxs, "IQ2_XXS", 66, 256},
    TypeInfo{TensorType::mxfp4, "MXFP4", 17, 32},
};

constexpr bool in_order() {
    for (size_t i = 0; i < kTypes.size(); ++i) {
        if (static_cast<size_t>(kTypes[i].type) != i) return false;
    }
    return true;
}
static_assert(in_order());

const TypeInfo& info_of(TensorType type) {
    return kTypes[static_cast<size_t>(type)];
}

}  // namespace

std::string_view to_string(TensorType type) {
    return info_of(type).name;
}

std::optional<TensorType> tensor_type(std::string_view name) {
    for (const auto& info : kTypes) {
        if (info.name == name && info.block == 1) return info.type;
    }
    return std::nullopt;
}

std::optional<int64_t> n_elements(std::span<const int64_t> shape) {
    int64_t n = 1;
    for (const int64_t dim : shape) {
        if (dim < 0 || __builtin_mul_overflow(n, dim, &n)) return std::nullopt;
    }
    return n;
}

std::optional<int64_t> n_bytes(TensorType type, std::span<const int64_t> shape) {
    const TypeInfo& info = info_of(type);
    const auto n = n_elements(shape);
    int64_t bytes = 0;
    if (!n || (info.block > 1 && (shape.empty() || shape.back() % info.block != 0)) ||
        __builtin_mul_overflow(*n / info.block, info.block_bytes, &bytes)) {
        return std::nullopt;
    }
    return bytes;
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
