#pragma once
// What a model costs at one context, and what to expect of it here: the figures behind `weir model
// plan`.
#include <string>
#include <vector>

#include "engine/measure/attention_rates.h"
#include "engine/measure/series.h"
#include "engine/model_tools.h"
#include "engine/plan/assumed_fraction.h"
#include "engine/plan/published.h"
#include "engine/plan/weight_costs.h"

namespace engine {

struct KvPlan {
    KvFormat format = KvFormat::f32;
    KvBytes bytes;          // of one sequence
    double bytes_read = 0;  // by one decoded token
};

struct ThisMachine {
    int n_threads = 0;
    kernels::Isa isa = kernels::Isa::portable;
    double memory_bytes = 0;
    Series read;                       // GB/s
    std::optional<double> others_cpu;  // part of all processors that others used meanwhile
};

// One sequence decoding in one way.
struct Expected {
    Numerics numerics = Numerics::exact;
    KvFormat kv = KvFormat::f32;
    std::optional<AssumedFraction> fraction;  // of the read rate, for the weights
    AttentionRates rates;                     // measured here
    double seconds_weights = 0;  // of one token, and the next two; with a fraction only
    double seconds_attention = 0;
    double seconds_indexer = 0;
    double memory_bytes = 0;  // weights as they are held, and the KV

    double tokens_per_s() const {
        return 1 / (seconds_weights + seconds_attention + seconds_indexer);
    }
};

struct ModelPlan {
    std::string file;
    ModelConfig config;
    std::string weights;  // "official, as the config says"
    WeightCosts costs;
    int64_t n_ctx = 0;
    Operations operations;
    std::vector<KvPlan> kv;  // the formats that this model can have
    std::optional<PublishedClaim> published;
    std::optional<ComparedToV32> compared;  // at a million tokens
    ThisMachine machine;
    std::vector<Expected> expected;
};

// Everything but the machine. Errors: as plan_model().
Result<ModelPlan> count_plan(const std::filesystem::path& path, const PlanOptions& options);
// Measures for a second and fills in the rest. Errors: unsupported, if it takes more memory than
// measuring may.
Result<void> measure_plan(ModelPlan& plan, int n_threads);

std::string as_text(const ModelPlan& plan);
std::string as_json(const ModelPlan& plan);

}  // namespace engine
