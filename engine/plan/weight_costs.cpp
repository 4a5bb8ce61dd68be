#include "engine/plan/weight_costs.h"

#include "engine/kernels/pack.h"
#include "engine/model/stored_format.h"
#include "engine/model/tensor_set.h"

namespace engine {
namespace {

WeightGroup group_of(std::string_view name) {
    const auto has = [name](std::string_view part) {
        return name.find(part) != std::string_view::npos;
    };
    if (name.starts_with("mtp.")) return WeightGroup::mtp;
    if (name.starts_with("embed.")) return WeightGroup::embedding;
    if (name.starts_with("head.")) return WeightGroup::head;
    if (name.starts_with("hc_head") || has(".hc_")) return WeightGroup::hyper_connections;
    if (is_routed_expert(name)) return WeightGroup::routed_experts;
    if (has(".shared_experts.")) return WeightGroup::shared_experts;
    if (has(".ffn.")) return WeightGroup::router;
    if (has(".compressor.") || has(".indexer.")) return WeightGroup::compression;
    return has(".attn.") ? WeightGroup::attention : WeightGroup::norms;
}

struct Stored {
    TensorType type;
    double bytes;  // scales included
};

double elements(const TensorSpec& spec) {
    double n = 1;
    for (const int64_t dim : spec.shape) n *= static_cast<double>(dim);
    return n;
}

// As Loader holds it in the fast mode: vectors, mHC and tables as four-byte numbers.
double fast_bytes(const TensorSpec& spec, const Stored& stored) {
    if (spec.role != TensorRole::matrix) return 4 * elements(spec);
    const kernels::PanelType type = kernels::panel_type(matrix_dtype(stored.type));
    const bool in_rows = type == kernels::PanelType::none || spec.name == "embed.weight";
    if (in_rows) return stored.bytes;
    return static_cast<double>(kernels::n_panels(spec.shape[0])) *
           static_cast<double>(kernels::panel_bytes(type, spec.shape[1]));
}

// Which part of a tensor one decoded token reads.
double part_read(const ModelConfig& config, const TensorSpec& spec) {
    const WeightGroup group = group_of(spec.name);
    if (group == WeightGroup::mtp) return 0;
    const bool one_row = group == WeightGroup::embedding || spec.role == TensorRole::table;
    if (one_row) return 1 / static_cast<double>(config.n_vocab);
    if (group != WeightGroup::routed_experts) return 1;
    return static_cast<double>(config.n_experts_used) / static_cast<double>(config.n_experts);
}

WeightCost cost_of(const ModelConfig& config, const TensorSpec& spec, const Stored& stored) {
    const double part = part_read(config, spec);
    WeightCost cost;
    cost.bytes = stored.bytes;
    cost.bytes_read = part * cost.bytes;
    cost.bytes_fast = fast_bytes(spec, stored);
    cost.bytes_fast_read = part * cost.bytes_fast;
    if (spec.role == TensorRole::table) return cost;
    cost.n_parameters = elements(spec);
    const bool multiplied = group_of(spec.name) != WeightGroup::embedding;
    if (multiplied) cost.n_parameters_active = part * cost.n_parameters;
    return cost;
}

WeightCost times(double n, WeightCost cost) {
    for (double* number : {&cost.n_parameters, &cost.n_parameters_active, &cost.bytes,
                           &cost.bytes_read, &cost.bytes_fast, &cost.bytes_fast_read}) {
        *number *= n;
    }
    return cost;
}

WeightCost& at(WeightCosts& costs, std::string_view name) {
    return costs[static_cast<size_t>(group_of(name))];
}

}  // namespace

const char* to_string(WeightGroup group) {
    constexpr std::array<const char*, kWeightGroupCount> kNames = {
        "embedding", "attention",         "compression", "routed_experts", "shared_experts",
        "router",    "hyper_connections", "norms",       "head",           "mtp"};
    return kNames[static_cast<size_t>(group)];
}

WeightCost& WeightCost::operator+=(const WeightCost& other) {
    n_parameters += other.n_parameters;
    n_parameters_active += other.n_parameters_active;
    bytes += other.bytes;
    bytes_read += other.bytes_read;
    bytes_fast += other.bytes_fast;
    bytes_fast_read += other.bytes_fast_read;
    return *this;
}

WeightCosts weight_costs(const ModelConfig& config, WeightFormat format) {
    WeightCosts costs;
    const KindVisitor add = [&](const TensorSpec& spec, int64_t n_alike) {
        const TensorType type = stored_type(spec, format);
        const Stored stored{type, stored_bytes(spec, type)};
        at(costs, spec.name) += times(static_cast<double>(n_alike), cost_of(config, spec, stored));
    };
    visit_tensor_kinds(config, add);
    if (config.n_mtp_layers > 0) visit_mtp_tensor_kinds(config, add);
    return costs;
}

Result<WeightCosts> weight_costs(const ModelConfig& config, const TensorSource& source) {
    const bool with_mtp = has_mtp(source);
    const auto tensors =
        collect_tensors(config, source, with_mtp ? MtpTensors::take : MtpTensors::leave_out);
    if (!tensors) return tl::unexpected(tensors.error());
    WeightCosts costs;
    const SpecVisitor add = [&](const TensorSpec& spec) {
        const StoredTensor& stored = tensors->find(spec.name)->second;
        const size_t n_bytes =
            stored.tensor.bytes.size() + (stored.scale ? stored.scale->bytes.size() : 0);
        at(costs, spec.name) +=
            cost_of(config, spec, {stored.tensor.type, static_cast<double>(n_bytes)});
        return true;
    };
    visit_tensor_specs(config, add);
    if (with_mtp) {
        for (const TensorSpec& spec : mtp_tensor_specs(config)) add(spec);
    }
    return costs;
}

WeightCost backbone(const WeightCosts& costs) {
    WeightCost sum;
    for (size_t i = 0; i < costs.size(); ++i) {
        if (static_cast<WeightGroup>(i) != WeightGroup::mtp) sum += costs[i];
    }
    return sum;
}

}  // namespace engine
