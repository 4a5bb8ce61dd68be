#pragma once
// How a model is to be held and computed.
#include <cstdint>
#include <optional>

#include "engine/engine.h"
#include "engine/kernels/dtype.h"
#include "engine/kernels/numerics.h"
#include "engine/model/kv_format.h"
#include "engine/model/model_config.h"

namespace engine {

// Roundings of the official implementation on the way: inputs of its FP8 and FP4 matrices and KV
// rows to e4m3, indexer queries and keys to e2m1 behind a Hadamard transform. Models were trained
// with them; other implementations leave them out.
enum class Roundings : uint8_t { none, official };

struct ModelOptions {
    ModelOptions() = default;
    ModelOptions(Dtype dtype) : convert_to(dtype) {}

    // f32 or bf16: matrices of another float type are converted to it. Absent: everything stays as
    // it is stored. Quantised matrices always do, and all of them in fast mode, beside their
    // panels.
    std::optional<Dtype> convert_to;
    Roundings roundings = Roundings::none;
    Numerics numerics = Numerics::exact;
    bool with_mtp = false;  // load the MTP block, if there is one
};

// Both need the Hadamard transform, which exists for powers of two only. Errors: unsupported, if
// this model's indexer has another width.
Result<void> check_roundings(const ModelConfig& config, Roundings roundings);
Result<void> check_kv_format(const ModelConfig& config, KvFormat format);

}  // namespace engine
