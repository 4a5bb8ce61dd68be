// Tokens per second of the engine, with what memory and arithmetic give measured around each
// sample.
//     engine_bench SHAPE|DIRECTORY [exact|fast] [threads] [rounds] [batch] [portable|avx2|avx512]
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

#include "engine/model/forward.h"
#include "engine/weights/checkpoint.h"
#include "tests/bench/bench_model.h"
#include "tests/bench/probes.h"

namespace {

constexpr int64_t kPrefill = 512;
constexpr int64_t kDecodeFrom = 128;  // a full window
constexpr int64_t kContext = 1024;
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
    for (const auto isa : {engine::kernels::Isa::portable, engine::kernels::Isa::avx2}) {
        if (argc > 6 && std::strcmp(argv[6], engine::kernels::to_string(isa)) == 0) o.isa = isa;
    }
    return o;
}

class Bench {
public:
    Bench(const engine::Model& model, engine::kernels::ThreadPool& pool, const Options& options)
        : model_(model),
          workspace_(model, pool,
                     {.n_tokens_max = kPrefill, .n_ctx = kContext, .isa = options.isa}) {
        const auto n_vocab = static_cast<size_t>(model.config().n_vocab);
        for (int64_t i = 0; i < options.n_batch; ++i) kv_.emplace_back(model.config(), kContext);
        logits_.resize(n_vocab * kv_.size());
        uint64_t state = 88172645463325252;
        for (int64_t i = 0; i < kContext * options.n_batch; ++i) {
            state = state * 6364136223846793005 + 1442695040888963407;
            tokens_.push_back(static_cast<int32_t>((state >> 33) % n_vocab));
        }
        for (auto& kv : kv_) feed_one(kv, kDecodeFrom);
    }

    double prefill_rate() {
        kv_[0].reset();
        const double begin = bench::seconds_of_now();
        feed_one(kv_[0], kPrefill);
        const double rate = static_cast<double>(kPrefill) / (bench::seconds_of_now() - begin);
        kv_[0].reset();
        feed_one(kv_[0], kDecodeFrom);
        return rate;
    }
    // All sequences together, of the first n.
    double decode_rate(size_t n) {
        const double begin = bench::seconds_of_now();
        double seconds = 0;
        int64_t n_steps = 0;
        for (; seconds < kSeconds; seconds = bench::seconds_of_now() - begin, ++n_steps) {
            std::vector<engine::SequenceChunk> batch;
            for (size_t i = 0; i < n; ++i) {
                if (kv_[i].n_tokens() == kContext) {
                    kv_[i].reset();
                    feed_one(kv_[i], kDecodeFrom);
                }
                batch.push_back(chunk(i, 1));
            }
            engine::forward(model_, workspace_, batch);
        }
        return static_cast<double>(n_steps * static_cast<int64_t>(n)) / seconds;
    }
    size_t n_sequences() const { return kv_.size(); }

private:
    engine::SequenceChunk chunk(size_t i, int64_t n) {
        const size_t from =
            i * static_cast<size_t>(kContext) + static_cast<size_t>(kv_[i].n_tokens());
        return {&kv_[i], std::span(tokens_).subspan(from, static_cast<size_t>(n)),
                engine::LogitsWanted::last,
                logits_.data() + i * static_cast<size_t>(model_.config().n_vocab)};
    }
    void feed_one(engine::KvState& kv, int64_t n) {
        const auto one = chunk(static_cast<size_t>(&kv - kv_.data()), n);
        engine::forward(model_, workspace_, {&one, 1});
    }

    const engine::Model& model_;
    engine::Workspace workspace_;
    std::vector<engine::KvState> kv_;
    std::vector<int32_t> tokens_;
    std::vector<float> logits_;
};

struct Series {
    const char* name;
    std::vector<double> values;

    double at(double part) {
        if (values.empty()) return NAN;
        std::sort(values.begin(), values.end());
        return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
    }
    void print() {
        std::printf("%-28s %8.2f [%.2f-%.2f] n=%zu\n", name, at(0.5), at(0.25), at(0.75),
                    values.size());
    }
};

engine::Result<std::unique_ptr<engine::Model>> load(const Options& o, double& megabytes) {
    for (const auto shape : bench::kShapes) {
        if (o.model != shape) continue;
        const auto config = bench::shape_config(shape);
        auto source = bench::shape_tensors(config);
        megabytes = bench::bytes_per_token(config, *source) / 1e6;
        return engine::Model::from_source(config, std::move(source), o.options);
    }
    auto source = engine::open_checkpoint(o.model);
    if (!source) return tl::unexpected(source.error());
    auto model = engine::Model::load(o.model, o.options);
    if (model) megabytes = bench::bytes_per_token((*model)->config(), **source) / 1e6;
    return model;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return std::fputs("engine_bench SHAPE|DIRECTORY ...\n", stderr), 2;
    const Options o = parse(argc, argv);
    double megabytes = 0;
    const double begin = bench::seconds_of_now();
    const auto model = load(o, megabytes);
    if (!model) return std::fprintf(stderr, "%s\n", model.error().detail.c_str()), 1;
    engine::kernels::ThreadPool pool(o.n_threads);
    std::printf("%s, %s, %s, %d threads, %.0f M parameters, %.0f MB a token, loaded in %.1f s\n",
                o.model.c_str(), to_string(o.options.numerics), engine::kernels::to_string(o.isa),
                pool.n_threads(), static_cast<double>((*model)->n_parameters()) / 1e6, megabytes,
                bench::seconds_of_now() - begin);
    bench::ReadProbe reads(pool);
    bench::MultiplyProbe products(pool, o.isa);
    Bench bench(**model, pool, o);
    bench.decode_rate(1);
    Series read{"read, GB/s", {}}, decode{"decode, tokens/s", {}}, fraction{"decode / read", {}},
        batch{"decode of the batch", {}}, gain{"batch / one", {}}, product{"int8 tile, GOP/s", {}},
        prefill{"prefill of 512, tokens/s", {}};
    for (int round = 0; round < o.n_rounds; ++round) {
        const double before = reads.gigabytes_per_second();
        const double one = bench.decode_rate(1);
        const double after = reads.gigabytes_per_second();
        const double all = bench.decode_rate(bench.n_sequences());
        product.values.push_back(products.giga_operations_per_second());
        prefill.values.push_back(bench.prefill_rate());
        if (std::abs(before - after) > 0.15 * std::max(before, after)) continue;
        read.values.push_back((before + after) / 2);
        decode.values.push_back(one);
        fraction.values.push_back(one * megabytes / 1e3 / read.values.back());
        batch.values.push_back(all);
        gain.values.push_back(all / one);
    }
    for (Series* series : {&read, &decode, &fraction, &batch, &gain, &product, &prefill}) {
        series->print();
    }
    return 0;
}
