#pragma once
// What a model's weights cost, by what they are for: memory, and what one decoded token touches.
// Counted from the config alone, or from the tensors of a checkpoint. Real numbers, because a
// config may ask for more bytes than an integer holds; whole as long as they are below 2^53.
#include <array>
#include <cstdint>

#include "engine/plan/weight_format.h"

namespace engine {

enum class WeightGroup : uint8_t {
    embedding,
    attention,
    compression,  // compressors and indexers
    routed_experts,
    shared_experts,
    router,
    hyper_connections,
    norms,
    head,
    mtp,  // the draft block, which decoding does not read
};
constexpr size_t kWeightGroupCount = 10;
const char* to_string(WeightGroup group);

struct WeightCost {
    double n_parameters = 0;         // learnt numbers
    double n_parameters_active = 0;  // those that one token is multiplied with
    double bytes = 0;                // as stored, scales included
    double bytes_read = 0;           // of them, for one decoded token
    double bytes_fast = 0;           // as the fast mode holds them: panels, and the rest in rows
    double bytes_fast_read = 0;

    WeightCost& operator+=(const WeightCost& other);
};
using WeightCosts = std::array<WeightCost, kWeightGroupCount>;  // by WeightGroup

// The MTP block counts if the config has one.
WeightCosts weight_costs(const ModelConfig& config, WeightFormat format);
// Errors: those of collect_tensors().
Result<WeightCosts> weight_costs(const ModelConfig& config, const TensorSource& source);

WeightCost backbone(const WeightCosts& costs);  // the sum without MTP

}  // namespace engine
