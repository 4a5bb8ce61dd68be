#include "engine/kernels/ops.h"

#include "config/ensure.h"
#include "engine/kernels/ops_tables.h"

namespace engine::kernels {

Isa best_isa() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
    return Isa::portable;
}

const char* to_string(Isa isa) {
    return isa == Isa::avx2 ? "avx2" : "portable";
}

const Ops& ops(Isa isa) {
#if defined(__x86_64__)
    if (isa == Isa::avx2) {
        ENSURE(best_isa() == Isa::avx2);
        return kOpsAvx2;
    }
#endif
    ENSURE(isa == Isa::portable);
    return kOpsPortable;
}

}  // namespace engine::kernels
