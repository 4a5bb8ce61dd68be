#pragma once
// How products are computed, beside how weights are stored.
#include <cstdint>

namespace engine {

enum class Numerics : uint8_t {
    exact,  // f32 products of the stored numbers
    fast,   // integer and bf16 products over panels, see engine/kernels/panels.h
};

constexpr const char* to_string(Numerics numerics) {
    return numerics == Numerics::exact ? "exact" : "fast";
}

}  // namespace engine
