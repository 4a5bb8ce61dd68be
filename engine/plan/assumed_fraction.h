#pragma once
// What part of the read rate of memory a decoding model reaches, for machines where it has not been
// measured: as the benchmarks of this engine found it.
#include <optional>

#include "engine/kernels/numerics.h"
#include "engine/kernels/ops.h"

namespace engine {

enum class WeightKind : uint8_t { quantised, floats };

struct AssumedFraction {
    double value = 0;
    const char* source = "";  // where it comes from, in words
};
// Nothing: nobody measured it.
std::optional<AssumedFraction> assumed_fraction(Numerics numerics, WeightKind weights,
                                                kernels::Isa isa);

}  // namespace engine
