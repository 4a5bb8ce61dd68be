#pragma once
// Where a model's tensors come from: a checkpoint's files, or a generator in a test.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class TensorType : uint8_t {
    f32,
    f16,
    bf16,
    f8_e4m3,
    f8_e8m0,
    i64,
    i32,
    i8,
    u8,
    q8_0,  // from here on GGUF's blocks, along the last dimension
    q4_k,
    q2_k,
    iq2_xxs,
    mxfp4,
};

std::string_view to_string(TensorType type);  // "BF16"
// An element type of safetensors, as its header spells it.
std::optional<TensorType> tensor_type(std::string_view name);

// The product; nothing if it does not fit or a dimension is negative.
std::optional<int64_t> n_elements(std::span<const int64_t> shape);
// Of a whole tensor; nothing if that does not fit, or blocks do not divide the last dimension.
std::optional<int64_t> n_bytes(TensorType type, std::span<const int64_t> shape);
std::string to_string(std::span<const int64_t> shape);

struct Tensor {
    std::string name;  // as the source spells it
    TensorType type = TensorType::f32;
    std::vector<int64_t> shape;        // [out, in], row-major; empty: one number
    std::span<const std::byte> bytes;  // any alignment
    std::string file;                  // for messages
};

// Immutable. The bytes live as long as the source.
class TensorSource {
public:
    virtual ~TensorSource() = default;
    virtual const std::vector<Tensor>& tensors() const = 0;
};

}  // namespace engine
