#pragma once
// How a checkpoint stores its weights, told without one: the official layout, and what people make
// of it.
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/model/tensor_kinds.h"
#include "engine/weights/tensor_source.h"

namespace engine {

enum class WeightFormat : uint8_t {
    official,  // FP8 matrices, FP4 experts, each beside its scales; bf16 and f32 for what is small
    fp8,       // the same with FP8 experts, as the Base checkpoints
    gguf,      // Q8_0 matrices, MXFP4 experts, f16 and f32 for what is small
    bf16,      // every number
    f32,       // every number
};
constexpr WeightFormat kWeightFormats[] = {WeightFormat::official, WeightFormat::fp8,
                                           WeightFormat::gguf, WeightFormat::bf16,
                                           WeightFormat::f32};

constexpr const char* to_string(WeightFormat format) {
    constexpr const char* kNames[] = {"official", "fp8", "gguf", "bf16", "f32"};
    return kNames[static_cast<int>(format)];
}
std::optional<WeightFormat> weight_format(std::string_view name);

// Where blocks do not divide the width, matrices are f16 (gguf) or bf16.
TensorType stored_type(const TensorSpec& spec, WeightFormat format);
// Of the whole tensor, with the scales beside it.
double stored_bytes(const TensorSpec& spec, TensorType type);

// What a config.json says of its checkpoint, by quantization_config, expert_dtype and dtype.
// Errors: file_broken; unsupported, for quantisations that no V4 has.
Result<WeightFormat> weight_format_of(std::string_view config_json);

}  // namespace engine
