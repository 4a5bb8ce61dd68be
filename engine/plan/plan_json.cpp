#include <nlohmann/json.hpp>

#include "engine/plan/model_plan.h"

namespace engine {
namespace {

using nlohmann::ordered_json;

ordered_json describe(const WeightCost& cost) {
    return {{"parameters", cost.n_parameters},
            {"parameters_active", cost.n_parameters_active},
            {"bytes", cost.bytes},
            {"bytes_read_per_token", cost.bytes_read},
            {"bytes_fast", cost.bytes_fast},
            {"bytes_fast_read_per_token", cost.bytes_fast_read},
            {"flop_per_token", 2 * cost.n_parameters_active}};
}

ordered_json describe(const Expected& e) {
    ordered_json out = {{"numerics", to_string(e.numerics)},
                        {"kv", to_string(e.kv)},
                        {"bytes_of_memory", e.memory_bytes},
                        {"attention_gflop_per_s", e.rates.attention},
                        {"indexer_gflop_per_s", e.rates.indexer},
                        {"read_fraction_assumed", nullptr},
                        {"tokens_per_s", nullptr}};
    if (!e.fraction) return out;
    out["read_fraction_assumed"] = e.fraction->value;
    out["read_fraction_source"] = e.fraction->source;
    out["tokens_per_s"] = e.tokens_per_s();
    out["seconds_per_token"] = {{"weights", e.seconds_weights},
                                {"attention", e.seconds_attention},
                                {"indexer", e.seconds_indexer}};
    return out;
}

ordered_json describe_machine(const ModelPlan& plan) {
    const ThisMachine& m = plan.machine;
    ordered_json out = {{"n_threads", m.n_threads},
                        {"isa", kernels::to_string(m.isa)},
                        {"bytes_of_memory", m.memory_bytes},
                        {"read_gb_per_s", m.read.median()},
                        {"read_gb_per_s_min", m.read.at(0)},
                        {"read_gb_per_s_max", m.read.at(1)},
                        {"others_cpu", nullptr},
                        {"decode", ordered_json::array()}};
    if (m.others_cpu) out["others_cpu"] = *m.others_cpu;
    for (const Expected& e : plan.expected) out["decode"].push_back(describe(e));
    return out;
}

ordered_json describe_compared(const ModelPlan& plan) {
    if (!plan.compared) return nullptr;
    const ComparedToV32& c = *plan.compared;
    ordered_json out = {{"baseline", v32::kBaseline},
                        {"kv", c.kv},
                        {"operations", c.operations},
                        {"operations_as_fp8", c.operations_as_fp8},
                        {"published", nullptr}};
    if (plan.published) {
        out["published"] = {{"model", plan.published->model},
                            {"kv", plan.published->kv},
                            {"operations", plan.published->operations}};
    }
    return out;
}

}  // namespace

std::string as_json(const ModelPlan& plan) {
    ordered_json out = {{"file", plan.file},
                        {"model", plan.published ? ordered_json(plan.published->model) : nullptr},
                        {"n_layers", plan.config.n_layers},
                        {"n_ctx", plan.n_ctx},
                        {"weights", plan.weights},
                        {"groups", ordered_json::object()}};
    for (size_t i = 0; i < plan.costs.size(); ++i) {
        out["groups"][to_string(static_cast<WeightGroup>(i))] = describe(plan.costs[i]);
    }
    out["together"] = describe(backbone(plan.costs));
    out["kv"] = ordered_json::object();
    for (const KvPlan& kv : plan.kv) {
        out["kv"][to_string(kv.format)] = {{"bytes_growing", kv.bytes.growing},
                                           {"bytes_fixed", kv.bytes.fixed},
                                           {"bytes_read_per_token", kv.bytes_read}};
    }
    out["flop_per_token"] = {{"weights", plan.operations.weights},
                             {"attention", plan.operations.attention},
                             {"indexer", plan.operations.indexer},
                             {"together", plan.operations.total()}};
    out["of_v3_2"] = describe_compared(plan);
    out["machine"] = describe_machine(plan);
    return out.dump(2, ' ', true, ordered_json::error_handler_t::replace);
}

}  // namespace engine
