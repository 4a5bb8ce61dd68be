#pragma once
// What a config asks for, countable however many experts it names: one expert stands for all of its
// layer.
#include <string_view>

#include "engine/model/tensor_specs.h"

namespace engine {

// Each spec with how many tensors are like it.
using KindVisitor = std::function<void(const TensorSpec&, int64_t n_alike)>;
void visit_tensor_kinds(const ModelConfig& config, const KindVisitor& visit);
// Of the MTP block.
void visit_mtp_tensor_kinds(const ModelConfig& config, const KindVisitor& visit);

bool is_routed_expert(std::string_view name);  // by official name

}  // namespace engine
