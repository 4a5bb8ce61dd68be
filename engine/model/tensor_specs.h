#pragma once
// Every tensor of a model by its official name, with the shape that the config gives it.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/model/model_config.h"

namespace engine {

enum class TensorRole : uint8_t {
    matrix,      // any stored format
    matrix_f32,  // mHC's projections: a float type, held as f32
    vector,      // f32
    table,       // whole numbers: expert ids by token
};

struct TensorSpec {
    std::string name;
    std::vector<int64_t> shape;
    TensorRole role = TensorRole::matrix;
};

// False: enough. A config may name billions of tensors that no file has.
using SpecVisitor = std::function<bool(const TensorSpec&)>;
void visit_tensor_specs(const ModelConfig& config, const SpecVisitor& visit);
std::vector<TensorSpec> tensor_specs(const ModelConfig& config);
// Of the MTP block, mtp.0.*; its embedding and head are the model's.
std::vector<TensorSpec> mtp_tensor_specs(const ModelConfig& config);
// Numbers that were learnt: all but the tables. INT64_MAX, if they are more.
int64_t n_parameters(const ModelConfig& config);

}  // namespace engine
