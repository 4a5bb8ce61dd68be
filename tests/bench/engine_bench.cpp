// Tokens per second of the engine on a synthetic model, with the read rate of memory measured
// around every sample: a figure without one says nothing on a shared machine.
//     engine_bench [f32|bf16] [threads] [rounds]        defaults: bf16, one thread per core, 7
// Shape: 8 layers, width 1,024, 16 heads of 512, 64 experts of 512 with 6 used, 16,384 tokens.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/model/forward.h"
#include "engine/model/tensor_specs.h"
#include "tests/support/synthetic_weights.h"

namespace {

using engine::Dtype;
using Clock = std::chrono::steady_clock;

constexpr const char* kConfig =
    R"({"model_type": "deepseek_v4", "vocab_size": 16384, "hidden_size": 1024,
    "num_hidden_layers": 8, "num_attention_heads": 16, "head_dim": 512, "qk_rope_head_dim": 64,
    "q_lora_rank": 256, "o_groups": 4, "o_lora_rank": 256, "sliding_window": 128,
    "compress_ratios": [0, 0, 4, 128, 4, 128, 4, 128], "compress_rope_theta": 160000, "rope_theta": 10000,
    "rope_scaling": {"type": "yarn", "factor": 16, "beta_fast": 32, "beta_slow": 1,
                     "original_max_position_embeddings": 65536},
    "index_n_heads": 16, "index_head_dim": 128, "index_topk": 512, "n_routed_experts": 64,
    "num_experts_per_tok": 6, "moe_intermediate_size": 512, "num_hash_layers": 1,
    "routed_scaling_factor": 1.5, "swiglu_limit": 10, "hc_mult": 4, "hc_sinkhorn_iters": 20,
    "hc_eps": 1e-6, "rms_norm_eps": 1e-6, "max_position_embeddings": 1048576, "bos_token_id": 0,
    "eos_token_id": 1})";
constexpr int64_t kPrefill = 512;
constexpr int64_t kDecodeFrom = 128;  // a full window
constexpr int64_t kDecode = 48;
constexpr int64_t kContext = 1024;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// GB/s of reading a buffer far larger than the caches, in pieces from a shared counter.
class ReadProbe {
public:
    explicit ReadProbe(engine::kernels::ThreadPool& pool)
        : pool_(pool), words_(kBytes / sizeof(uint64_t), 1), sums_(kPieces) {}

    double gigabytes_per_second() {
        const auto begin = Clock::now();
        pool_.run(kPieces, [&](int64_t piece, int) {
            const uint64_t* words = words_.data() + static_cast<size_t>(piece) * kWordsPerPiece;
            uint64_t lanes[16] = {};
            for (size_t i = 0; i < kWordsPerPiece; i += 16) {
                for (size_t k = 0; k < 16; ++k) lanes[k] += words[i + k];
            }
            for (const uint64_t lane : lanes) sums_[static_cast<size_t>(piece)] += lane;
        });
        return static_cast<double>(kBytes) / seconds_since(begin) / 1e9;
    }

private:
    static constexpr size_t kBytes = size_t{512} << 20;
    static constexpr size_t kPieces = 512;
    static constexpr size_t kWordsPerPiece = kBytes / kPieces / sizeof(uint64_t);
    engine::kernels::ThreadPool& pool_;
    std::vector<uint64_t> words_;
    std::vector<uint64_t> sums_;
};

// Bytes of weights that one decoded token reads: all but the embedding table and the experts not
// chosen.
double bytes_per_token(const engine::ModelConfig& config, Dtype dtype) {
    double routed = 0;
    double rest = 0;
    for (const auto& spec : engine::tensor_specs(config)) {
        if (spec.role == engine::TensorRole::table || spec.name == "embed.weight") continue;
        const auto element =
            spec.role == engine::TensorRole::matrix ? engine::bytes_of(dtype, 1) : 4;
        const double bytes = static_cast<double>(engine::n_elements(spec.shape).value() * element);
        (spec.name.find(".experts.") == std::string::npos ? rest : routed) += bytes;
    }
    return rest + routed * static_cast<double>(config.n_experts_used) /
                      static_cast<double>(config.n_experts);
}

struct Bench {
    const engine::Model& model;
    engine::Workspace workspace;
    engine::KvState kv;
    std::vector<int32_t> tokens;
    std::vector<float> logits;

    Bench(const engine::Model& m, engine::kernels::ThreadPool& pool)
        : model(m),
          workspace(m, pool, {.n_tokens_max = kPrefill, .n_ctx = kContext}),
          kv(m.config(), kContext),
          tokens(kContext),
          logits(static_cast<size_t>(m.config().n_vocab)) {
        for (size_t i = 0; i < tokens.size(); ++i) {
            tokens[i] = static_cast<int32_t>(support::synthetic_bits(1, i) %
                                             static_cast<uint32_t>(m.config().n_vocab));
        }
    }

    void feed(int64_t n) {
        const engine::SequenceChunk chunk{
            &kv,
            std::span(tokens).subspan(static_cast<size_t>(kv.n_tokens()), static_cast<size_t>(n)),
            engine::LogitsWanted::last, logits.data()};
        engine::forward(model, workspace, {&chunk, 1});
    }
    double prefill_rate() {
        kv.reset();
        const auto begin = Clock::now();
        feed(kPrefill);
        return static_cast<double>(kPrefill) / seconds_since(begin);
    }
    double decode_rate() {
        kv.reset();
        feed(kDecodeFrom);
        const auto begin = Clock::now();
        for (int64_t i = 0; i < kDecode; ++i) feed(1);
        return static_cast<double>(kDecode) / seconds_since(begin);
    }
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const Dtype dtype = argc > 1 && std::strcmp(argv[1], "f32") == 0 ? Dtype::f32 : Dtype::bf16;
    const int n_threads = argc > 2 ? std::atoi(argv[2]) : 0;
    const int n_rounds = argc > 3 ? std::max(1, std::atoi(argv[3])) : 7;
    const auto config = engine::parse_model_config(kConfig);
    if (!config) return std::fprintf(stderr, "%s\n", config.error().detail.c_str()), 1;
    const auto type = dtype == Dtype::f32 ? engine::TensorType::f32 : engine::TensorType::bf16;
    const auto model = engine::Model::from_source(
        *config, support::synthetic_tensors(*config, {"bench/", type}), dtype);
    if (!model) return std::fprintf(stderr, "%s\n", model.error().detail.c_str()), 1;

    engine::kernels::ThreadPool pool(n_threads);
    ReadProbe probe(pool);
    Bench bench(**model, pool);
    const double megabytes = bytes_per_token(*config, dtype) / 1e6;
    std::printf("%s, %s, %d threads, %.0f M parameters, %.0f MB read a token\n",
                engine::to_string(dtype), engine::kernels::to_string(engine::kernels::best_isa()),
                pool.n_threads(), static_cast<double>((*model)->n_parameters()) / 1e6, megabytes);
    probe.gigabytes_per_second();  // first touches
    bench.decode_rate();
    std::vector<double> decode, prefill, reads, fractions;
    for (int round = 0; round < n_rounds; ++round) {
        const double before = probe.gigabytes_per_second();
        decode.push_back(bench.decode_rate());
        const double after = probe.gigabytes_per_second();
        prefill.push_back(bench.prefill_rate());
        reads.push_back((before + after) / 2);
        fractions.push_back(decode.back() * megabytes / 1e3 / reads.back());
        std::printf("read %.1f GB/s, decode %.1f tokens/s (%.2f of it), prefill %.1f tokens/s\n",
                    reads.back(), decode.back(), fractions.back(), prefill.back());
    }
    std::printf(
        "median: read %.1f GB/s, decode %.1f tokens/s (%.2f of it), prefill %lld: %.1f tokens/s\n",
        median(reads), median(decode), median(fractions), static_cast<long long>(kPrefill),
        median(prefill));
    return 0;
}
