#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/measure/others_cpu.h"
#include "engine/measure/probes.h"
#include "engine/measure/series.h"
#include "engine/measure/step_bench.h"
#include "engine/model/kv_choice.h"
#include "engine/model_tools.h"
#include "engine/plan/token_costs.h"
#include "engine/plan/weight_costs.h"
#include "engine/weights/model_files.h"

namespace engine {

const std::string_view kBenchColumns =
    "kind,model,n_layers,n_embd,n_experts,n_parameters,numerics,roundings,isa,kv,n_threads,context,"
    "batch,n_tokens,n_samples,tokens_per_s,tokens_per_s_min,tokens_per_s_max,read_gb_per_s,"
    "bytes_per_token,n_steady,read_fraction,int8_gop_per_s,others_cpu";

namespace {

// A sample counts for the fraction if memory was the same before and after.
constexpr double kSteady = 0.15;

enum class Kind : uint8_t { prefill, decode };

struct Row {
    Kind kind;
    int64_t context;
    int64_t batch;
    int64_t n_tokens;  // of one sequence and step

    const char* name() const { return kind == Kind::prefill ? "prefill" : "decode"; }
    // A batch shares what it reads: the bytes of one token say nothing about it.
    bool reads_alone() const { return kind == Kind::decode && batch == 1; }
};

struct Figures {
    Series tokens, read, fraction, products;
    std::optional<double> others_cpu;
};

std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + '"';
}

// One line of CSV. What was not measured stays empty.
class Fields {
public:
    Fields& text(const std::string& text) {
        line_ += (line_.empty() ? "" : ",") + quoted(text);
        return *this;
    }
    Fields& whole(int64_t n) { return text(std::to_string(n)); }
    Fields& real(double value) {  // NaN: not measured
        char digits[32] = "";
        if (!std::isnan(value)) std::snprintf(digits, sizeof digits, "%.6g", value);
        return text(digits);
    }
    const std::string& line() const { return line_; }

private:
    std::string line_;
};

class ModelBench {
public:
    ModelBench(std::string name, const Model& model, double weight_bytes,
               const BenchOptions& options, KvFormat kv)
        : name_(std::move(name)),
          model_(model),
          weight_bytes_(weight_bytes),
          options_(options),
          kv_(kv),
          pool_(options.n_threads),
          reads_(pool_),
          products_(pool_, isa_) {}

    void run(const BenchOutput& output);

private:
    Figures prefill(StepBench& bench);
    Figures decode(StepBench& bench, const Row& row);
    double bytes_per_token(int64_t context) const {
        return weight_bytes_ + kv_bytes_read(model_.config(), kv_, context + 1);
    }
    std::string line_of(const Row& row, const Figures& figures) const;

    const std::string name_;
    const Model& model_;
    const double weight_bytes_;
    const BenchOptions& options_;
    const KvFormat kv_;
    const kernels::Isa isa_ = kernels::best_isa();
    kernels::ThreadPool pool_;
    ReadProbe reads_;
    MultiplyProbe products_;
};

Figures ModelBench::prefill(StepBench& bench) {
    Figures figures;
    const OthersCpu others;
    for (int i = 0; i < options_.n_rounds; ++i) {
        figures.read.add(reads_.gigabytes_per_second());
        figures.products.add(products_.giga_operations_per_second());
        figures.tokens.add(bench.prefill_rate());
    }
    figures.others_cpu = others.part();
    return figures;
}

// Method A of the engine's benchmarks: read probe, decode, read probe.
Figures ModelBench::decode(StepBench& bench, const Row& row) {
    const auto n = static_cast<size_t>(row.batch);
    bench.decode_rate(n, 0);  // one step, to warm up
    Figures figures;
    const OthersCpu others;
    for (int i = 0; i < options_.n_rounds; ++i) {
        const double before = reads_.gigabytes_per_second();
        const double rate = bench.decode_rate(n, options_.seconds);
        const double after = reads_.gigabytes_per_second();
        const double read = (before + after) / 2;
        figures.tokens.add(rate);
        figures.read.add(read);
        const bool steady = std::abs(before - after) <= kSteady * std::max(before, after);
        if (steady && row.reads_alone()) {
            figures.fraction.add(rate * bytes_per_token(row.context) / 1e9 / read);
        }
    }
    figures.others_cpu = others.part();
    return figures;
}

std::string ModelBench::line_of(const Row& row, const Figures& figures) const {
    const ModelConfig& c = model_.config();
    const bool alone = row.reads_alone();
    Fields fields;
    fields.text(row.name()).text(name_).whole(c.n_layers).whole(c.n_embd).whole(c.n_experts);
    fields.whole(model_.n_parameters()).text(to_string(model_.numerics()));
    fields.text(model_.roundings() == Roundings::official ? "official" : "none");
    fields.text(kernels::to_string(isa_)).text(to_string(kv_)).whole(pool_.n_threads());
    fields.whole(row.context).whole(row.batch).whole(row.n_tokens);
    fields.whole(static_cast<int64_t>(figures.tokens.n()));
    fields.real(figures.tokens.median()).real(figures.tokens.at(0)).real(figures.tokens.at(1));
    fields.real(figures.read.median()).real(alone ? bytes_per_token(row.context) : NAN);
    fields.text(alone ? std::to_string(figures.fraction.n()) : "");
    fields.real(figures.fraction.median()).real(figures.products.median());
    return fields.real(figures.others_cpu.value_or(NAN)).line();
}

void ModelBench::run(const BenchOutput& output) {
    output.line(std::string(kBenchColumns));
    const int64_t n_sequences = *std::max_element(options_.batches.begin(), options_.batches.end());
    const auto n_rows = static_cast<int64_t>(options_.contexts.size()) *
                        (1 + static_cast<int64_t>(options_.batches.size()));
    int64_t n_done = 0;
    const auto begin = [&](const Row& row) {
        const std::string what = std::string(row.name()) + ", context " +
                                 std::to_string(row.context) + ", batch " +
                                 std::to_string(row.batch);
        if (output.progress) output.progress(n_done++, n_rows, what);
    };
    for (const int64_t context : options_.contexts) {
        const Row prompt{Kind::prefill, context, 1, options_.n_prefill};
        begin(prompt);
        StepBench bench(model_, pool_,
                        {.n_sequences = n_sequences,
                         .context = context,
                         .n_prefill = options_.n_prefill,
                         .kv = kv_,
                         .isa = isa_});
        output.line(line_of(prompt, prefill(bench)));
        for (const int64_t batch : options_.batches) {
            const Row row{Kind::decode, context, batch, 1};
            begin(row);
            output.line(line_of(row, decode(bench, row)));
        }
    }
    if (output.progress) output.progress(n_rows, n_rows, "done");
}

Result<void> check(const BenchOptions& options, const ModelConfig& config) {
    const auto refuse = [](Errc code, const std::string& what) {
        return tl::unexpected(Error{code, what});
    };
    if (options.contexts.empty() || options.batches.empty() || options.n_rounds < 1 ||
        options.n_prefill < 1) {
        return refuse(Errc::unsupported, "a bench needs a context, a batch and a sample");
    }
    for (const int64_t batch : options.batches) {
        if (batch < 1) return refuse(Errc::unsupported, "a batch has one sequence or more");
    }
    StepBenchSizes behind;
    behind.n_prefill = options.n_prefill;
    for (const int64_t context : options.contexts) {
        if (context >= 0 && context <= config.n_ctx_max - behind.n_ctx()) continue;
        return refuse(Errc::context_exceeded,
                      "context " + std::to_string(context) + " and the " +
                          std::to_string(behind.n_ctx()) +
                          " tokens measured behind it are beyond the model's " +
                          std::to_string(config.n_ctx_max));
    }
    return {};
}

}  // namespace

Result<void> bench_model(const std::filesystem::path& path, const BenchOptions& options,
                         const BenchOutput& output) {
    auto files = open_model_files(path);
    if (!files) return tl::unexpected(files.error());
    const auto config = parse_model_config(*files);
    if (!config) return tl::unexpected(config.error());
    if (auto checked = check(options, *config); !checked) return checked;
    ModelOptions held;
    if (options.roundings == config::Roundings::official) held.roundings = Roundings::official;
    if (options.numerics == config::Numerics::fast) held.numerics = Numerics::fast;
    const KvFormat kv = kv_format_of(options.kv, held.roundings, held.numerics);
    if (auto checked = check_kv_format(*config, kv); !checked) return checked;
    const auto costs = weight_costs(*config, *files->tensors);
    if (!costs) return tl::unexpected(costs.error());
    const auto model = Model::from_source(*config, std::move(files->tensors), held);
    if (!model) return tl::unexpected(model.error());
    ModelBench(path.string(), **model, backbone(*costs).bytes_read, options, kv).run(output);
    return {};
}

}  // namespace engine
