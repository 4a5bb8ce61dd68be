// weir bench DIR: tokens/s of a local model, as CSV.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "engine/model_tools.h"
#include "gateway/cli/command.h"
#include "gateway/cli/progress_bar.h"

namespace gateway {

namespace {

struct BenchWords {
    std::string path, numerics = "exact", roundings = "none", kv;
    engine::BenchOptions options;
};

constexpr const char* kColumns = R"(
One line of CSV for the prompt and for each batch size at each context; empty: not measured.
  kind              prefill: one prompt of n_tokens behind the context; decode: one token a step and sequence
  model n_layers n_embd n_experts n_parameters
                    what was measured
  numerics roundings isa kv n_threads
                    how: as weir.yaml names them; the instruction set; how KV was held
  context batch n_tokens
                    tokens held before a sample, sequences together, tokens a sequence and step
  n_samples tokens_per_s tokens_per_s_min tokens_per_s_max
                    all sequences together: median, least and greatest of so many samples
  read_gb_per_s     reading memory, right before and after each sample: the median
  bytes_per_token   weights and KV that one token reads, as stored (decode, batch 1)
  n_steady read_fraction
                    bytes_per_token * tokens_per_s / read rate: the median of the samples whose two read
                    rates differ by 15 % at most, and how many they are (decode, batch 1)
  int8_gop_per_s    int8 products and sums beside each prompt: the median
  others_cpu        part of all processors that other programs used meanwhile: above 0.05 the line is noise
Contexts are filled with random rows, tokens are random: this measures speed, and reads no prompt.)";

int bench(const BenchWords& words) {
    engine::BenchOptions options = words.options;
    if (words.numerics == "fast") options.numerics = config::Numerics::fast;
    if (words.roundings == "official") options.roundings = config::Roundings::official;
    if (words.kv == "f32") options.kv = config::Kv::f32;
    if (words.kv == "bf16") options.kv = config::Kv::bf16;
    if (words.kv == "official") options.kv = config::Kv::official;
    ProgressBar bar;
    engine::BenchOutput output;
    output.line = [](const std::string& line) {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
    };
    output.progress = [&bar](int64_t n_done, int64_t n_total, const std::string& next) {
        bar.show(n_done, n_total, next);
    };
    const auto done = engine::bench_model(words.path, options, output);
    bar.end();
    if (done) return kExitOk;
    std::fprintf(stderr, "weir: %s\n", done.error().detail.c_str());
    return kExitNo;
}

}  // namespace

void add_bench(CLI::App& app, Invocation& invocation) {
    const auto words = std::make_shared<BenchWords>();
    engine::BenchOptions& options = words->options;
    CLI::App* command = app.add_subcommand("bench", "Tokens/s of a local model, as CSV");
    command->add_option("MODEL", words->path, "The checkpoint's folder, or a GGUF file")
        ->required();
    command->add_option("--contexts", options.contexts, "Tokens held; default 0,512,4096")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::Range(int64_t{0}, int64_t{1} << 31));
    command->add_option("--batch", options.batches, "Sequences together; default 1,2,4,8")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::Range(int64_t{1}, int64_t{1024}));
    command->add_option("--numerics", words->numerics, "exact or fast")
        ->check(CLI::IsMember({"exact", "fast"}));
    command->add_option("--roundings", words->roundings, "none or official")
        ->check(CLI::IsMember({"none", "official"}));
    command->add_option("--kv", words->kv, "f32, bf16 or official; default: as weir.yaml's")
        ->check(CLI::IsMember({"f32", "bf16", "official"}));
    command->add_option("--threads", options.n_threads, "Default: one per core")
        ->check(CLI::Range(1, 1024));
    command->add_option("--rounds", options.n_rounds, "Samples of each line; default 3")
        ->check(CLI::Range(1, 1000));
    command->add_option("--prompt", options.n_prefill, "Tokens of a prompt; default 512")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
    command->add_option("--seconds", options.seconds, "Of each decode sample; default 0.1")
        ->check(CLI::Range(0.0, 600.0));
    command->footer(kColumns);
    command->callback([&invocation, words] { invocation.run = [words] { return bench(*words); }; });
}

}  // namespace gateway
