#include "engine/model/tensor_set.h"

#include "engine/model/tensor_specs.h"
#include "engine/weights/convert.h"
#include "engine/weights/json_strict.h"
#include "engine/weights/tensor_names.h"

namespace engine {
namespace {

tl::unexpected<Error> refuse(const Tensor& tensor, const std::string& what,
                             Errc code = Errc::file_broken) {
    return tl::unexpected(
        Error{code, tensor.file + ": tensor " + in_quotes(tensor.name) + ": " + what});
}

tl::unexpected<Error> wrong_shape(const Tensor& tensor, std::span<const int64_t> expected) {
    return refuse(tensor, "shape " + to_string(tensor.shape) + ", the config asks for " +
                              to_string(expected));
}

bool is_quantised(const Tensor& tensor, const std::string& name) {
    const bool eight_bit = tensor.type == TensorType::f8_e4m3 ||
                           tensor.type == TensorType::f8_e8m0 || tensor.type == TensorType::i8 ||
                           tensor.type == TensorType::u8;
    return eight_bit || name.ends_with(".scale");
}

// Rows [begin, begin + n_rows) of slice `e` of a fused tensor [n_experts, rows, cols], as its own
// tensor.
Tensor slice(const Tensor& fused, int64_t e, int64_t begin, int64_t n_rows) {
    const int64_t row_bytes = fused.shape[2] * bytes_of(fused.type);
    const int64_t offset = (e * fused.shape[1] + begin) * row_bytes;
    Tensor part = fused;
    part.shape = {n_rows, fused.shape[2]};
    part.bytes =
        fused.bytes.subspan(static_cast<size_t>(offset), static_cast<size_t>(n_rows * row_bytes));
    return part;
}

// Splits what ends in experts.gate_up_proj or experts.down_proj; false if `name` is none.
Result<bool> split_fused(const ModelConfig& config, const Tensor& tensor, std::string_view name,
                         TensorSet& set) {
    const bool gate_up = name.ends_with(".experts.gate_up_proj");
    const bool down = name.ends_with(".experts.down_proj");
    if (!gate_up && !down) return false;
    const std::vector<int64_t> expected =
        gate_up ? std::vector<int64_t>{config.n_experts, 2 * config.n_ff, config.n_embd}
                : std::vector<int64_t>{config.n_experts, config.n_embd, config.n_ff};
    if (tensor.shape != expected) return wrong_shape(tensor, expected);
    const std::string stem(name.substr(0, name.rfind('.') + 1));
    const auto add = [&](int64_t e, const char* leaf, Tensor part) {
        return set.emplace(stem + std::to_string(e) + leaf, std::move(part)).second;
    };
    bool fresh = true;
    for (int64_t e = 0; e < config.n_experts; ++e) {
        if (gate_up) {
            fresh &= add(e, ".w1.weight", slice(tensor, e, 0, config.n_ff));
            fresh &= add(e, ".w3.weight", slice(tensor, e, config.n_ff, config.n_ff));
        } else {
            fresh &= add(e, ".w2.weight", slice(tensor, e, 0, config.n_embd));
        }
    }
    if (!fresh) return refuse(tensor, "an expert of it stands elsewhere too");
    return true;
}

Result<void> check_type(const Tensor& tensor, TensorRole role) {
    const bool fits = role == TensorRole::table
                          ? tensor.type == TensorType::i64 || tensor.type == TensorType::i32
                          : is_float(tensor.type);
    if (!fits) return refuse(tensor, "element type " + std::string(to_string(tensor.type)));
    return {};
}

Result<void> check_against_config(const ModelConfig& config, const TensorSource& source,
                                  const TensorSet& set) {
    size_t n_expected = 0;
    for (const auto& spec : tensor_specs(config)) {
        const auto found = set.find(spec.name);
        if (found == set.end()) {
            const std::string where =
                source.tensors().empty() ? "checkpoint" : source.tensors()[0].file;
            return tl::unexpected(Error{
                Errc::file_broken, where + ": tensor " + in_quotes(spec.name) + " is missing"});
        }
        if (found->second.shape != spec.shape) return wrong_shape(found->second, spec.shape);
        if (auto typed = check_type(found->second, spec.role); !typed) return typed;
        ++n_expected;
    }
    if (n_expected == set.size()) return {};
    std::map<std::string_view, bool> expected;
    const auto specs = tensor_specs(config);
    for (const auto& spec : specs) expected[spec.name] = true;
    for (const auto& [name, tensor] : set) {
        if (!expected.contains(name)) return refuse(tensor, "no place for it in this model");
    }
    return {};
}

}  // namespace

Result<TensorSet> collect_tensors(const ModelConfig& config, const TensorSource& source) {
    TensorSet set;
    for (const auto& tensor : source.tensors()) {
        const std::string name = official_name(tensor.name);
        if (name.empty() || name.starts_with("mtp.")) continue;
        if (is_quantised(tensor, name)) {
            return refuse(
                tensor, "FP8 and FP4 weights are not supported yet; convert the checkpoint to BF16",
                Errc::unsupported);
        }
        const auto fused = split_fused(config, tensor, name, set);
        if (!fused) return tl::unexpected(fused.error());
        if (*fused) continue;
        const auto [place, fresh] = set.emplace(name, tensor);
        if (!fresh) return refuse(tensor, "is the same as " + in_quotes(place->second.name));
    }
    if (auto checked = check_against_config(config, source, set); !checked) {
        return tl::unexpected(checked.error());
    }
    return set;
}

}  // namespace engine
