#include "engine/kernels/ops.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "config/ensure.h"
#include "engine/kernels/ops_tables.h"
#include "engine/kernels/panel_ops.h"

namespace engine::kernels {

#if defined(__x86_64__)
namespace {

// Two names that clang 14's builtin does not know, by their bits (Intel SDM, CPUID): leaf 1, ECX
// bit 29, and leaf 7, sub-leaf 1, EAX bit 5.
bool has_f16c() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c >> 29 & 1) != 0;
}
bool has_avx512_bf16() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 5 & 1) != 0;
}

}  // namespace
#endif

Isa best_isa() {
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
    if (avx512 && has_avx512_bf16()) return Isa::avx512_bf16;
    if (avx512) return Isa::avx512;
    if (avx2) return Isa::avx2;
#endif
    return Isa::portable;
}

const char* to_string(Isa isa) {
    constexpr const char* kNames[] = {"portable", "avx2", "avx512", "avx512-bf16"};
    return kNames[static_cast<int>(isa)];
}

const Ops& ops(Isa isa) {
    ENSURE(isa <= best_isa());
#if defined(__x86_64__)
    if (isa == Isa::avx512_bf16) return kOpsAvx512Bf16;
    if (isa == Isa::avx512) return kOpsAvx512;
    if (isa == Isa::avx2) return kOpsAvx2;
#endif
    return kOpsPortable;
}

const PanelOps& panel_ops(Isa isa) {
    return *ops(isa).panels;
}

}  // namespace engine::kernels
