#pragma once
// One table an instruction set, each from a file of its own with its own compiler flags.
#include "engine/kernels/ops.h"

namespace engine::kernels {

extern const Ops kOpsPortable;
#if defined(__x86_64__)
extern const Ops kOpsAvx2;
extern const Ops kOpsAvx512;
extern const Ops kOpsAvx512Bf16;
#endif

}  // namespace engine::kernels
