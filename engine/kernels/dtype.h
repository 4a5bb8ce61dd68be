#pragma once
// How matrices are held for compute. Activations, KV and sums are always f32.
#include <cstdint>

namespace engine {

enum class Dtype : uint8_t { f32, bf16 };

constexpr int64_t bytes_of(Dtype dtype) {
    return dtype == Dtype::f32 ? 4 : 2;
}
constexpr const char* to_string(Dtype dtype) {
    return dtype == Dtype::f32 ? "f32" : "bf16";
}

}  // namespace engine
