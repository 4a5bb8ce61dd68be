#pragma once
// How fast the kernels that grow with the context run here: they compute more than they read, so
// the read rate says nothing about them.
#include <optional>

#include "engine/kernels/numerics.h"
#include "engine/kernels/ops.h"
#include "engine/kernels/thread_pool.h"
#include "engine/model/kv_format.h"

namespace engine {

struct AttentionRates {
    double attention = 0;  // 10^9 operations a second, as plan/token_costs.h counts them
    double indexer = 0;
};

// How a model is run.
struct AttentionWay {
    Numerics numerics = Numerics::exact;
    KvFormat kv = KvFormat::f32;
};

struct RowsMeasured {
    int64_t window = 1;   // f32 rows, >= 1
    int64_t entries = 0;  // rows in the format
    int64_t keys = 1;     // indexer keys, >= 1
};

// One token's attention over such rows of random numbers, and its indexer, some 50 ms each. Keys
// and entries beyond some thousands are left out: time is in proportion. Nothing, if heads are so
// many or so wide that a GiB does not hold what it takes.
std::optional<AttentionRates> measure_attention(const ModelConfig& config, const AttentionWay& way,
                                                const RowsMeasured& rows, kernels::ThreadPool& pool,
                                                kernels::Isa isa);

}  // namespace engine
