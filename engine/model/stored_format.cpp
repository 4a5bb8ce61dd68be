#include "engine/model/stored_format.h"

#include <charconv>

#include "config/ensure.h"
#include "engine/kernels/matrix.h"
#include "engine/weights/convert.h"
#include "engine/weights/json_strict.h"

namespace engine {
namespace {

using Shape = std::vector<int64_t>;

bool is_block(TensorType type) {
    return type >= TensorType::q8_0;
}
bool is_fp4(TensorType type) {
    return type == TensorType::i8 || type == TensorType::u8;
}

int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

std::optional<Error> broken(const std::string& what) {
    return Error{Errc::file_broken, what};
}

std::optional<Error> shape_problem(const Tensor& tensor, const Shape& wanted) {
    if (tensor.shape == wanted) return std::nullopt;
    return broken("shape " + to_string(tensor.shape) + ", the config asks for " +
                  to_string(wanted));
}

std::optional<Error> type_problem(TensorType type) {
    return broken("element type " + std::string(to_string(type)));
}

std::optional<Error> scale_problem(const StoredTensor& stored, const Shape& wanted,
                                   bool f32_allowed) {
    if (!stored.scale) return broken("has no scale");
    const Tensor& scale = *stored.scale;
    const std::string name = "its scale " + in_quotes(scale.name);
    if (scale.shape != wanted) {
        return broken(name + " has shape " + to_string(scale.shape) + ", not " + to_string(wanted));
    }
    const bool fits = scale.type == TensorType::f8_e8m0 || scale.type == TensorType::u8 ||
                      (f32_allowed && scale.type == TensorType::f32);
    if (!fits) return broken(name + " has element type " + std::string(to_string(scale.type)));
    return std::nullopt;
}

std::optional<Error> matrix_problem(const TensorSpec& spec, const StoredTensor& stored) {
    const Tensor& tensor = stored.tensor;
    const int64_t rows = spec.shape[0];
    const int64_t cols = spec.shape[1];
    if (is_fp4(tensor.type)) {
        if (cols % 2 != 0) return broken("FP4 pairs for an odd width");
        if (auto problem = shape_problem(tensor, {rows, cols / 2})) return problem;
        return scale_problem(stored, {rows, ceil_div(cols, kernels::kFp4Group)}, false);
    }
    if (auto problem = shape_problem(tensor, spec.shape)) return problem;
    if (tensor.type == TensorType::f8_e4m3) {
        const int64_t block = kernels::kFp8Block;
        return scale_problem(stored, {ceil_div(rows, block), ceil_div(cols, block)}, true);
    }
    if (!is_float(tensor.type) && !is_block(tensor.type)) return type_problem(tensor.type);
    return std::nullopt;
}

}  // namespace

bool is_quantised_beside_scales(TensorType type) {
    return type == TensorType::f8_e4m3 || is_fp4(type);
}

Dtype matrix_dtype(TensorType type) {
    switch (type) {
        case TensorType::f32:
            return Dtype::f32;
        case TensorType::bf16:
            return Dtype::bf16;
        case TensorType::f16:
            return Dtype::f16;
        case TensorType::f8_e4m3:
            return Dtype::fp8;
        case TensorType::i8:
        case TensorType::u8:
            return Dtype::fp4;
        case TensorType::q8_0:
            return Dtype::q8_0;
        case TensorType::q4_k:
            return Dtype::q4_k;
        case TensorType::q2_k:
            return Dtype::q2_k;
        case TensorType::iq2_xxs:
            return Dtype::iq2_xxs;
        case TensorType::mxfp4:
            return Dtype::mxfp4;
        case TensorType::f8_e8m0:
        case TensorType::i64:
        case TensorType::i32:
            break;
    }
    ENSURE(false);
    return Dtype::f32;
}

std::optional<Error> problem_of(const TensorSpec& spec, const StoredTensor& stored) {
    const Tensor& tensor = stored.tensor;
    if (spec.role == TensorRole::matrix) return matrix_problem(spec, stored);
    if (auto problem = shape_problem(tensor, spec.shape)) return problem;
    const bool whole = tensor.type == TensorType::i64 || tensor.type == TensorType::i32;
    const bool fits = spec.role == TensorRole::table ? whole : is_float(tensor.type);
    if (!fits) return type_problem(tensor.type);
    return std::nullopt;
}

bool is_layer_in(std::string_view name, int64_t begin, int64_t end) {
    constexpr std::string_view kLayers = "layers.";
    if (!name.starts_with(kLayers)) return false;
    name.remove_prefix(kLayers.size());
    int64_t layer = -1;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
    return error == std::errc() && rest != name.data() + name.size() && *rest == '.' &&
           layer >= begin && layer < end;
}

}  // namespace engine
