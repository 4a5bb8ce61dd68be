// Tokens per second of the engine, with what memory and arithmetic give measured around each
// sample.
//     engine_bench SHAPE|DIRECTORY [exact|fast] [threads] [rounds] [batch]
//     [portable|avx2|avx512|avx512-bf16]
// SHAPE is xs, s, m or x, a directory a checkpoint or a folder with a GGUF file. Defaults: fast,
// one thread a core, 15 rounds, 8 sequences in a batch, the best instruction set. A round is: read
// probe, 1 s of decode, read probe, the same with the batch, multiply probe, prefill of 512 tokens.
// Rounds whose probes differ by more than 15 % do not count for decode.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/measure/probes.h"
#include "engine/measure/series.h"
#include "engine/measure/step_bench.h"
#include "engine/model/kv_choice.h"
#include "engine/plan/weight_costs.h"
#include "engine/weights/model_files.h"
#include "tests/bench/bench_model.h"

namespace {

constexpr int64_t kPrefill = 512;
constexpr int64_t kContext = 128;  // a full window
constexpr double kSeconds = 1;

struct Options {
    std::string model;
    engine::ModelOptions options;
    int n_threads = 0;
    int n_rounds = 15;
    int64_t n_batch = 8;
    engine::kernels::Isa isa = engine::kernels::best_isa();
};

Options parse(int argc, char** argv) {
    Options o;
    o.model = argv[1];
    o.options.numerics = engine::Numerics::fast;
    if (argc > 2 && std::strcmp(argv[2], "exact") == 0) {
        o.options.numerics = engine::Numerics::exact;
    }
    if (argc > 3) o.n_threads = std::atoi(argv[3]);
    if (argc > 4) o.n_rounds = std::max(1, std::atoi(argv[4]));
    if (argc > 5) o.n_batch = std::max(1, std::atoi(argv[5]));
    for (const auto isa : engine::kernels::kIsas) {
        if (argc <= 6 || std::strcmp(argv[6], engine::kernels::to_string(isa)) != 0) continue;
        if (isa <= engine::kernels::best_isa()) o.isa = isa;
    }
    return o;
}

struct Figure {
    const char* name;
    engine::Series values;

    void print() const {
        std::printf("%-28s %8.2f [%.2f-%.2f] n=%zu\n", name, values.median(), values.at(0.25),
                    values.at(0.75), values.n());
    }
};

// And what one decoded token reads of its stored weights.
engine::Result<std::unique_ptr<engine::Model>> load(const Options& o, double& megabytes) {
    engine::ModelConfig config;
    std::unique_ptr<engine::TensorSource> source;
    if (std::ranges::find(bench::kShapes, o.model) != std::end(bench::kShapes)) {
        config = bench::shape_config(o.model);
        source = bench::shape_tensors(config);
    } else {
        auto files = engine::open_model_files(o.model);
        if (!files) return tl::unexpected(files.error());
        auto parsed = engine::parse_model_config(*files);
        if (!parsed) return tl::unexpected(parsed.error());
        config = std::move(*parsed);
        source = std::move(files->tensors);
    }
    const auto costs = engine::weight_costs(config, *source);
    if (!costs) return tl::unexpected(costs.error());
    megabytes = engine::backbone(*costs).bytes_read / 1e6;
    return engine::Model::from_source(config, std::move(source), o.options);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return std::fputs("engine_bench SHAPE|DIRECTORY ...\n", stderr), 2;
    const Options o = parse(argc, argv);
    double megabytes = 0;
    const double begin = engine::seconds_of_now();
    const auto model = load(o, megabytes);
    if (!model) return std::fprintf(stderr, "%s\n", model.error().detail.c_str()), 1;
    engine::kernels::ThreadPool pool(o.n_threads);
    std::printf("%s, %s, %s, %d threads, %.0f M parameters, %.0f MB a token, loaded in %.1f s\n",
                o.model.c_str(), to_string(o.options.numerics), engine::kernels::to_string(o.isa),
                pool.n_threads(), static_cast<double>((*model)->n_parameters()) / 1e6, megabytes,
                engine::seconds_of_now() - begin);
    engine::ReadProbe reads(pool);
    engine::MultiplyProbe products(pool, o.isa);
    const auto n_batch = static_cast<size_t>(o.n_batch);
    engine::StepBench bench(
        **model, pool,
        {.n_sequences = o.n_batch,
         .context = kContext,
         .n_prefill = kPrefill,
         .kv = engine::kv_format_of(std::nullopt, o.options.roundings, o.options.numerics),
         .isa = o.isa});
    bench.decode_rate(1, kSeconds);
    Figure read{"read, GB/s", {}}, decode{"decode, tokens/s", {}}, fraction{"decode / read", {}},
        batch{"decode of the batch", {}}, gain{"batch / one", {}}, product{"int8 tile, GOP/s", {}},
        prefill{"prefill of 512, tokens/s", {}};
    for (int round = 0; round < o.n_rounds; ++round) {
        const double before = reads.gigabytes_per_second();
        const double one = bench.decode_rate(1, kSeconds);
        const double after = reads.gigabytes_per_second();
        const double all = bench.decode_rate(n_batch, kSeconds);
        product.values.add(products.giga_operations_per_second());
        prefill.values.add(bench.prefill_rate());
        if (std::abs(before - after) > 0.15 * std::max(before, after)) continue;
        const double rate = (before + after) / 2;
        read.values.add(rate);
        decode.values.add(one);
        fraction.values.add(one * megabytes / 1e3 / rate);
        batch.values.add(all);
        gain.values.add(all / one);
    }
    for (const Figure* figure : {&read, &decode, &fraction, &batch, &gain, &product, &prefill}) {
        figure->print();
    }
    return 0;
}
