#pragma once
// Deterministic weights for any config, in memory: each number is a hash of the tensor's official
// name and the number's place, so that other programs can build the same model without a file.
#include <memory>
#include <string>
#include <string_view>

#include "engine/model/model_config.h"
#include "engine/weights/tensor_source.h"

namespace support {

struct SyntheticOptions {
    std::string prefix;                                        // of each name, hashed too
    engine::TensorType matrix_type = engine::TensorType::f32;  // f32 or bf16; the rest is f32
    bool with_mtp = false;                                     // the draft block's tensors too
};

std::unique_ptr<engine::TensorSource> synthetic_tensors(const engine::ModelConfig& config,
                                                        const SyntheticOptions& options);

// Number i of the stream called `name`, as 24 random bits.
uint32_t synthetic_bits(uint64_t name_hash, uint64_t i);
uint64_t fnv1a(std::string_view text);

}  // namespace support
