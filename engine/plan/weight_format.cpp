#include "engine/plan/weight_format.h"

#include <nlohmann/json.hpp>

#include "engine/kernels/matrix.h"
#include "engine/model/stored_format.h"
#include "engine/weights/json_strict.h"

namespace engine {
namespace {

using nlohmann::json;

bool has(const TensorSpec& spec, std::string_view part) {
    return spec.name.find(part) != std::string::npos;
}
bool is_norm(const TensorSpec& spec) {
    return spec.role == TensorRole::vector && spec.name.ends_with(".weight");
}
// Matrices that the official layout leaves in bf16.
bool is_small(const TensorSpec& spec) {
    return has(spec, ".compressor.") || has(spec, ".weights_proj.") || has(spec, ".ffn.gate.");
}
bool is_table_of_words(const TensorSpec& spec) {
    return spec.name == "embed.weight" || spec.name == "head.weight";
}

TensorType official_type(const TensorSpec& spec, TensorType of_experts) {
    if (spec.role == TensorRole::table) return TensorType::i64;
    if (is_norm(spec)) return TensorType::bf16;
    if (spec.role != TensorRole::matrix) return TensorType::f32;
    if (is_small(spec) || is_table_of_words(spec)) return TensorType::bf16;
    if (!is_routed_expert(spec.name)) return TensorType::f8_e4m3;
    return of_experts == TensorType::i8 && spec.shape.back() % 2 != 0 ? TensorType::bf16
                                                                      : of_experts;
}

TensorType gguf_type(const TensorSpec& spec) {
    if (spec.role == TensorRole::table) return TensorType::i32;
    if (spec.role == TensorRole::vector) return TensorType::f32;
    const bool divides = spec.shape.back() % block_shape(Dtype::q8_0).n == 0;
    const bool small = spec.role == TensorRole::matrix_f32 || is_small(spec) ||
                       has(spec, ".indexer.") || spec.name == "embed.weight";
    if (small || !divides) return TensorType::f16;
    return is_routed_expert(spec.name) ? TensorType::mxfp4 : TensorType::q8_0;
}

double ceil_div(int64_t a, int64_t b) {
    return static_cast<double>((a + b - 1) / b);
}

tl::unexpected<Error> refuse(Errc code, const std::string& what) {
    return tl::unexpected(Error{code, what});
}

// A member's text; empty if it is absent or null.
Result<std::string> text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return std::string();
    if (found->is_string()) return found->get<std::string>();
    return refuse(Errc::file_broken, std::string(key) + ": must be a string");
}

Result<WeightFormat> quantised_format(const json& quantisation, const json& config) {
    if (!quantisation.is_object()) {
        return refuse(Errc::file_broken, "quantization_config: not an object");
    }
    const auto method = text_of(quantisation, "quant_method");
    if (!method) return tl::unexpected(method.error());
    if (*method != "fp8") {
        return refuse(Errc::unsupported, "quantization_config.quant_method: " + in_quotes(*method) +
                                             ", this engine knows \"fp8\"");
    }
    const auto experts = text_of(config, "expert_dtype");
    if (!experts) return tl::unexpected(experts.error());
    if (experts->empty() || *experts == "fp4") return WeightFormat::official;
    if (*experts == "fp8") return WeightFormat::fp8;
    return refuse(Errc::unsupported, "expert_dtype: " + in_quotes(*experts) +
                                         ", this engine knows \"fp4\" and \"fp8\"");
}

}  // namespace

std::optional<WeightFormat> weight_format(std::string_view name) {
    for (const WeightFormat format : kWeightFormats) {
        if (name == to_string(format)) return format;
    }
    return std::nullopt;
}

TensorType stored_type(const TensorSpec& spec, WeightFormat format) {
    switch (format) {
        case WeightFormat::official:
            return official_type(spec, TensorType::i8);
        case WeightFormat::fp8:
            return official_type(spec, TensorType::f8_e4m3);
        case WeightFormat::gguf:
            return gguf_type(spec);
        case WeightFormat::bf16:
        case WeightFormat::f32:
            break;
    }
    if (spec.role == TensorRole::table) return TensorType::i64;
    return format == WeightFormat::f32 ? TensorType::f32 : TensorType::bf16;
}

double stored_bytes(const TensorSpec& spec, TensorType type) {
    double n = 1;
    for (const int64_t dim : spec.shape) n *= static_cast<double>(dim);
    if (spec.role == TensorRole::table) return n * (type == TensorType::i64 ? 8 : 4);
    const BlockShape block = block_shape(matrix_dtype(type));
    const double bytes = n / static_cast<double>(block.n) * static_cast<double>(block.bytes);
    if (type == TensorType::f8_e4m3) {
        return bytes + ceil_div(spec.shape[0], kernels::kFp8Block) *
                           ceil_div(spec.shape[1], kernels::kFp8Block);
    }
    if (type != TensorType::i8) return bytes;
    return bytes + static_cast<double>(spec.shape[0]) * ceil_div(spec.shape[1], kernels::kFp4Group);
}

Result<WeightFormat> weight_format_of(std::string_view config_json) {
    constexpr int kDepthMax = 16;
    const auto config = parse_json_strict(config_json, kDepthMax);
    if (!config) return refuse(Errc::file_broken, config.error());
    if (!config->is_object()) return refuse(Errc::file_broken, "config: not an object");
    const auto quantisation = config->find("quantization_config");
    if (quantisation != config->end() && !quantisation->is_null()) {
        return quantised_format(*quantisation, *config);
    }
    auto dtype = text_of(*config, "dtype");  // the newer key
    if (dtype && dtype->empty()) dtype = text_of(*config, "torch_dtype");
    if (!dtype) return tl::unexpected(dtype.error());
    if (*dtype == "float32") return WeightFormat::f32;
    if (dtype->empty() || *dtype == "bfloat16" || *dtype == "float16") return WeightFormat::bf16;
    return refuse(Errc::unsupported, "dtype: " + in_quotes(*dtype) +
                                         ", this engine knows float32, bfloat16 and float16");
}

}  // namespace engine
