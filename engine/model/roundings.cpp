#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/kernels/matrix.h"
#include "engine/model/buffers.h"
#include "engine/weights/convert.h"

namespace engine {

void round_kv_row(const ModelConfig& config, float* row) {
    const int64_t n_still = config.head_dim - config.n_rot;
    kernels::round_fp8(row, n_still, kernels::kFp8GroupKv);
    for (int64_t i = n_still; i < config.head_dim; ++i) {
        row[i] = kernels::bf16_to_f32(to_bf16(row[i]));
    }
}

void round_index_row(const ModelConfig& config, float* row) {
    kernels::hadamard(row, config.indexer.head_dim);
    kernels::round_fp4(row, config.indexer.head_dim);
}

void round_input(float* x, int64_t n) {
    kernels::round_fp8(x, n, kernels::kFp8GroupActivation);
}

}  // namespace engine
