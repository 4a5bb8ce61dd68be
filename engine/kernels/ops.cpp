#include "engine/kernels/ops.h"

#include "config/ensure.h"
#include "engine/kernels/ops_tables.h"
#include "engine/kernels/panel_ops.h"

namespace engine::kernels {

Isa best_isa() {
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("f16c");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vnni") &&
                        __builtin_cpu_supports("avx512bf16");
    if (avx2) return avx512 ? Isa::avx512 : Isa::avx2;
#endif
    return Isa::portable;
}

const char* to_string(Isa isa) {
    constexpr const char* kNames[] = {"portable", "avx2", "avx512"};
    return kNames[static_cast<int>(isa)];
}

const Ops& ops(Isa isa) {
    ENSURE(isa <= best_isa());
#if defined(__x86_64__)
    if (isa == Isa::avx512) return kOpsAvx512;
    if (isa == Isa::avx2) return kOpsAvx2;
#endif
    return kOpsPortable;
}

const PanelOps& panel_ops(Isa isa) {
    return *ops(isa).panels;
}

}  // namespace engine::kernels
