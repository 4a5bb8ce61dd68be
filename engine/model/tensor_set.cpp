#include "engine/model/tensor_set.h"

#include <set>

#include "engine/model/stored_format.h"
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

// Rows [begin, begin + n_rows) of slice `e` of a fused tensor [n_experts, rows, cols], as its own
// tensor.
Tensor slice(const Tensor& fused, int64_t e, int64_t begin, int64_t n_rows) {
    const int64_t cols[] = {fused.shape[2]};
    const int64_t row_bytes = n_bytes(fused.type, cols).value();
    const int64_t offset = (e * fused.shape[1] + begin) * row_bytes;
    Tensor part = fused;
    part.shape = {n_rows, fused.shape[2]};
    part.bytes =
        fused.bytes.subspan(static_cast<size_t>(offset), static_cast<size_t>(n_rows * row_bytes));
    return part;
}

// What a fused tensor's leaf holds: the parts of each expert, one behind the other.
struct Fusion {
    const char* leaf;
    bool down;  // [n_embd, n_ff], else [n_ff, n_embd]
    std::vector<const char*> parts;
};
const Fusion kFusions[] = {
    {".experts.gate_up_proj", false, {".w1.weight", ".w3.weight"}},  // transformers
    {".experts.down_proj", true, {".w2.weight"}},
    {".experts.gate_exps", false, {".w1.weight"}},  // GGUF
    {".experts.up_exps", false, {".w3.weight"}},
    {".experts.down_exps", true, {".w2.weight"}},
};

class Collector {
public:
    Collector(const ModelConfig& config, const TensorSource& source, MtpTensors mtp)
        : c_(config), source_(source), mtp_(mtp) {}

    Result<TensorSet> collect();

private:
    bool taken(std::string_view name) const;
    Result<void> add(const Tensor& tensor);
    Result<bool> split_fused(const Tensor& tensor, std::string_view name);
    Result<void> join_scales();
    std::optional<Error> problem_with(const TensorSpec& spec) const;
    Result<void> check_against_config();

    const ModelConfig& c_;
    const TensorSource& source_;
    const MtpTensors mtp_;
    TensorSet set_;
    std::map<std::string, const Tensor*, std::less<>> scales_;  // by the matrix's name
};

// Copies of the shared matrices under mtp. are ignored, and so is a block behind the last layer: it
// is the MTP block in the place that some exports give it.
bool Collector::taken(std::string_view name) const {
    if (name.starts_with("mtp.0.") && mtp_ == MtpTensors::take) {
        name.remove_prefix(6);
        return !name.starts_with("embed.") && !name.starts_with("head.");
    }
    if (name.starts_with("mtp.")) return false;
    return !(c_.n_mtp_layers > 0 && is_layer_in(name, c_.n_layers, c_.n_layers + c_.n_mtp_layers));
}

Result<bool> Collector::split_fused(const Tensor& tensor, std::string_view name) {
    for (const Fusion& fusion : kFusions) {
        if (!name.ends_with(fusion.leaf)) continue;
        const auto n_parts = static_cast<int64_t>(fusion.parts.size());
        const int64_t rows = fusion.down ? c_.n_embd : c_.n_ff;
        const std::vector<int64_t> expected = {c_.n_experts, n_parts * rows,
                                               fusion.down ? c_.n_ff : c_.n_embd};
        if (tensor.shape != expected) return wrong_shape(tensor, expected);
        if (is_quantised_beside_scales(tensor.type)) {
            return refuse(tensor, "FP8 and FP4 experts fused in one tensor", Errc::unsupported);
        }
        const std::string stem(name.substr(0, name.rfind('.') + 1));
        bool fresh = true;
        for (int64_t e = 0; e < c_.n_experts; ++e) {
            for (int64_t part = 0; part < n_parts; ++part) {
                const char* leaf = fusion.parts[static_cast<size_t>(part)];
                StoredTensor one{slice(tensor, e, part * rows, rows), {}};
                fresh &= set_.emplace(stem + std::to_string(e) + leaf, std::move(one)).second;
            }
        }
        if (!fresh) return refuse(tensor, "an expert of it stands elsewhere too");
        return true;
    }
    return false;
}

Result<void> Collector::add(const Tensor& tensor) {
    const std::string name = official_name(tensor.name);
    if (name.empty() || !taken(name)) return {};
    constexpr std::string_view kScale = ".scale";
    if (name.ends_with(kScale)) {
        const std::string matrix = name.substr(0, name.size() - kScale.size()) + ".weight";
        const auto [place, fresh] = scales_.emplace(matrix, &tensor);
        if (!fresh) return refuse(tensor, "is the same as " + in_quotes(place->second->name));
        return {};
    }
    const auto fused = split_fused(tensor, name);
    if (!fused) return tl::unexpected(fused.error());
    if (*fused) return {};
    const auto [place, fresh] = set_.emplace(name, StoredTensor{tensor, {}});
    if (!fresh) return refuse(tensor, "is the same as " + in_quotes(place->second.tensor.name));
    return {};
}

Result<void> Collector::join_scales() {
    for (const auto& [name, scale] : scales_) {
        const auto matrix = set_.find(name);
        if (matrix == set_.end() || !is_quantised_beside_scales(matrix->second.tensor.type)) {
            return refuse(*scale, "no FP8 or FP4 matrix has this scale");
        }
        matrix->second.scale = *scale;
    }
    return {};
}

std::optional<Error> Collector::problem_with(const TensorSpec& spec) const {
    const auto found = set_.find(spec.name);
    if (found == set_.end()) {
        const std::string where =
            source_.tensors().empty() ? "checkpoint" : source_.tensors()[0].file;
        return Error{Errc::file_broken, where + ": tensor " + in_quotes(spec.name) + " is missing"};
    }
    const auto problem = problem_of(spec, found->second);
    if (!problem) return std::nullopt;
    return refuse(found->second.tensor, problem->detail, problem->code).value();
}

// Stops at the first problem, so that a config is believed no further than the tensors go.
Result<void> Collector::check_against_config() {
    std::optional<Error> problem;
    std::set<std::string> expected;
    const SpecVisitor visit = [&](const TensorSpec& spec) {
        problem = problem_with(spec);
        if (!problem) expected.insert(spec.name);
        return !problem;
    };
    visit_tensor_specs(c_, visit);
    if (mtp_ == MtpTensors::take && !problem) {
        for (const auto& spec : mtp_tensor_specs(c_)) {
            if (!visit(spec)) break;
        }
    }
    if (problem) return tl::unexpected(*problem);
    for (const auto& [name, stored] : set_) {
        if (!expected.contains(name)) {
            return refuse(stored.tensor, "no place for it in this model");
        }
    }
    return {};
}

Result<TensorSet> Collector::collect() {
    for (const auto& tensor : source_.tensors()) {
        if (auto added = add(tensor); !added) return tl::unexpected(added.error());
    }
    if (auto joined = join_scales(); !joined) return tl::unexpected(joined.error());
    if (auto checked = check_against_config(); !checked) return tl::unexpected(checked.error());
    return std::move(set_);
}

}  // namespace

Result<TensorSet> collect_tensors(const ModelConfig& config, const TensorSource& source,
                                  MtpTensors mtp) {
    return Collector(config, source, mtp).collect();
}

bool has_mtp(const TensorSource& source) {
    for (const auto& tensor : source.tensors()) {
        if (official_name(tensor.name) == "mtp.0.e_proj.weight") return true;
    }
    return false;
}

}  // namespace engine
