#include "engine/plan/model_plan.h"

#include <unistd.h>

#include <algorithm>

#include "engine/measure/others_cpu.h"
#include "engine/measure/probes.h"
#include "engine/model/model_options.h"
#include "engine/weights/json_strict.h"
#include "engine/weights/mapped_file.h"
#include "engine/weights/model_files.h"

namespace engine {
namespace {

constexpr KvFormat kKvFormats[] = {KvFormat::f32, KvFormat::bf16, KvFormat::official};
constexpr size_t kConfigBytesMax = 1 << 20;
constexpr int kReadProbes = 5;
constexpr AttentionWay kWays[] = {{Numerics::exact, KvFormat::f32},
                                  {Numerics::fast, KvFormat::bf16},
                                  {Numerics::fast, KvFormat::official}};

tl::unexpected<Error> refuse(Errc code, const std::string& what) {
    return tl::unexpected(Error{code, what});
}

// What there is of a model: a config, with tensors or without.
struct Found {
    std::string config_json, config_file;
    std::unique_ptr<TensorSource> tensors;  // null: none, or none wanted
};

Result<Found> find_config(const std::filesystem::path& file) {
    auto text = read_text_file(file, kConfigBytesMax);
    if (!text) return tl::unexpected(text.error());
    return Found{std::move(*text), file.string(), nullptr};
}

Result<Found> find_model(const std::filesystem::path& path, bool with_tensors) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(path, ignored);
    if (!folder && path.extension() != ".gguf") return find_config(path);
    if (folder && !with_tensors) return find_config(path / "config.json");
    auto files = open_model_files(path);
    if (files) {
        if (!with_tensors) files->tensors.reset();
        return Found{std::move(files->config_json), std::move(files->config_file),
                     std::move(files->tensors)};
    }
    // A folder with a config and no weights: what most people have of a large model.
    const bool may_be_without = folder && files.error().code == Errc::file_missing;
    if (!may_be_without) return tl::unexpected(files.error());
    return find_config(path / "config.json");
}

// Counts stay within 64 bits, whatever the config says.
Result<void> check_kv_countable(const ModelConfig& config, int64_t n_ctx) {
    double numbers = 0;
    for (const LayerConfig& layer : config.layers) {
        const auto width = static_cast<double>(config.head_dim + config.indexer.head_dim);
        const auto rows = static_cast<double>(n_ctx) + 2 * static_cast<double>(config.n_window) +
                          8 * static_cast<double>(layer.compress_ratio);
        numbers += rows * (width + 8);
    }
    if (4 * numbers < 0x1p62) return {};
    return refuse(Errc::unsupported, "KV of " + std::to_string(n_ctx) +
                                         " tokens is more than any machine can address");
}

Result<void> count_weights(const Found& found, const PlanOptions& options, ModelPlan& plan) {
    if (found.tensors) {
        auto costs = weight_costs(plan.config, *found.tensors);
        if (!costs) return tl::unexpected(costs.error());
        plan.costs = *costs;
        plan.weights = "as stored";
        return {};
    }
    if (options.weights.empty()) {
        const auto format = weight_format_of(found.config_json);
        if (!format) {
            return refuse(format.error().code, found.config_file + ": " + format.error().detail);
        }
        plan.costs = weight_costs(plan.config, *format);
        plan.weights = to_string(*format) + std::string(", as the config says");
        return {};
    }
    const auto format = weight_format(options.weights);
    if (!format) {
        return refuse(Errc::unsupported, "weights as " + in_quotes(options.weights) +
                                             ", this engine knows official fp8 gguf bf16 f32");
    }
    plan.costs = weight_costs(plan.config, *format);
    plan.weights = to_string(*format) + std::string(", as asked for");
    return {};
}

void count_context(ModelPlan& plan) {
    const ModelConfig& c = plan.config;
    plan.operations = operations(c, backbone(plan.costs).n_parameters_active, plan.n_ctx);
    for (const KvFormat format : kKvFormats) {
        if (!check_kv_format(c, format)) continue;
        plan.kv.push_back(
            {format, kv_bytes(c, format, plan.n_ctx), kv_bytes_read(c, format, plan.n_ctx)});
    }
    plan.published = published_claim(c);
    const bool a_million = plan.n_ctx >= kMillionMin && plan.n_ctx <= kMillionMax;
    if (a_million && check_kv_format(c, KvFormat::official)) {
        plan.compared = compare_to_v32(c, plan.operations, plan.n_ctx);
    }
}

// The rows of an average layer, and the keys of one that scores.
RowsMeasured rows_measured(const ModelConfig& config, int64_t n_ctx) {
    RowsMeasured rows;
    int64_t n_entries = 0;
    for (const LayerConfig& layer : config.layers) {
        const RowsSeen seen = rows_seen(config, layer, n_ctx);
        rows.window = seen.window;
        rows.keys = std::max(rows.keys, seen.scored);
        n_entries += seen.entries;
    }
    rows.entries = n_entries / config.n_layers;
    return rows;
}

Expected expect(const ModelPlan& plan, Numerics numerics, const KvPlan& kv,
                const AttentionRates& rates) {
    const WeightCost weights = backbone(plan.costs);
    const bool fast = numerics == Numerics::fast;
    const bool quantised = weights.bytes < 1.9 * weights.n_parameters;
    Expected e;
    e.numerics = numerics;
    e.kv = kv.format;
    e.fraction = assumed_fraction(numerics, quantised ? WeightKind::quantised : WeightKind::floats,
                                  plan.machine.isa);
    e.rates = rates;
    e.memory_bytes =
        (fast ? weights.bytes_fast : weights.bytes) + static_cast<double>(kv.bytes.total());
    if (!e.fraction) return e;
    const double read = plan.machine.read.median() * 1e9;
    e.seconds_weights =
        (fast ? weights.bytes_fast_read : weights.bytes_read) / (e.fraction->value * read);
    e.seconds_attention = plan.operations.attention / (rates.attention * 1e9);
    e.seconds_indexer = plan.operations.indexer / (rates.indexer * 1e9);
    return e;
}

}  // namespace

Result<ModelPlan> count_plan(const std::filesystem::path& path, const PlanOptions& options) {
    const auto found = find_model(path, options.weights.empty());
    if (!found) return tl::unexpected(found.error());
    const auto config = parse_model_config(found->config_json);
    if (!config) {
        return refuse(config.error().code, found->config_file + ": " + config.error().detail);
    }
    ModelPlan plan;
    plan.file = path.string();
    plan.config = *config;
    plan.n_ctx = options.n_ctx.value_or(config->n_ctx_max);
    if (plan.n_ctx < 1 || plan.n_ctx > config->n_ctx_max) {
        return refuse(Errc::context_exceeded, "context " + std::to_string(plan.n_ctx) +
                                                  ", the model was made for 1 to " +
                                                  std::to_string(config->n_ctx_max));
    }
    if (auto checked = check_kv_countable(*config, plan.n_ctx); !checked) {
        return tl::unexpected(checked.error());
    }
    if (auto counted = count_weights(*found, options, plan); !counted) {
        return tl::unexpected(counted.error());
    }
    count_context(plan);
    return plan;
}

Result<void> measure_plan(ModelPlan& plan, int n_threads) {
    const OthersCpu others;
    kernels::ThreadPool pool(n_threads);
    plan.machine.n_threads = pool.n_threads();
    plan.machine.isa = kernels::best_isa();
    plan.machine.memory_bytes =
        static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    ReadProbe reads(pool);
    for (int i = 0; i < kReadProbes; ++i) plan.machine.read.add(reads.gigabytes_per_second());
    const RowsMeasured rows = rows_measured(plan.config, plan.n_ctx);
    for (const AttentionWay& way : kWays) {
        for (const KvPlan& kv : plan.kv) {
            if (kv.format != way.kv) continue;
            const auto rates = measure_attention(plan.config, way, rows, pool, plan.machine.isa);
            if (!rates) {
                return refuse(Errc::unsupported,
                              "heads too many or too wide: measuring takes more than a GiB");
            }
            plan.expected.push_back(expect(plan, way.numerics, kv, *rates));
        }
    }
    plan.machine.others_cpu = others.part();
    return {};
}

Result<std::string> plan_model(const std::filesystem::path& path, const PlanOptions& options,
                               ReportFormat format) {
    auto plan = count_plan(path, options);
    if (!plan) return tl::unexpected(plan.error());
    if (auto measured = measure_plan(*plan, options.n_threads); !measured) {
        return tl::unexpected(measured.error());
    }
    return format == ReportFormat::json ? as_json(*plan) : as_text(*plan);
}

}  // namespace engine
