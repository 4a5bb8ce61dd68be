#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/model/buffers.h"

namespace engine {

void round_kv_row(const ModelConfig& config, float* row) {
    kernels::round_row(kv_row_shape(config, KvFormat::official), row);
}

void round_index_row(const ModelConfig& config, float* row) {
    kernels::hadamard(row, config.indexer.head_dim);
    kernels::round_fp4(row, config.indexer.head_dim);
}

bool turns_index(const Workspace::Buffers& b, int64_t chunk) {
    return b.rounded || b.chunks[static_cast<size_t>(chunk)].kv->format() == KvFormat::official;
}

void round_input(float* x, int64_t n) {
    kernels::round_fp8(x, n, kernels::kFp8GroupActivation);
}

}  // namespace engine
