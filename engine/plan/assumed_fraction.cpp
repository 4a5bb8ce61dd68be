#include "engine/plan/assumed_fraction.h"

namespace engine {
namespace {

constexpr AssumedFraction kFastAvx512{
    0.87, "the least of 0.87 to 0.96, Q8_0 and MXFP4, shapes s, m and x, tests/bench/README.md"};
constexpr AssumedFraction kFastAvx2{0.80, "Q8_0 and MXFP4, shape s, tests/bench/README.md"};
constexpr AssumedFraction kExactFloats{0.62, "bf16, shape s, 2 threads, tests/bench/README.md"};
constexpr AssumedFraction kExactQuantised{
    0.10, "Q8_0 and MXFP4, shape s, tests/bench/README.md: bound by f32 arithmetic"};

}  // namespace

std::optional<AssumedFraction> assumed_fraction(Numerics numerics, WeightKind weights,
                                                kernels::Isa isa) {
    using kernels::Isa;
    if (isa == Isa::portable) return std::nullopt;
    if (numerics == Numerics::fast) return isa >= Isa::avx512 ? kFastAvx512 : kFastAvx2;
    if (weights == WeightKind::floats) return kExactFloats;
    if (isa >= Isa::avx512) return kExactQuantised;
    return std::nullopt;
}

}  // namespace engine
