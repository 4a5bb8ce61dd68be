#pragma once
// Steps of a model at one context, timed. Sequences stand on synthetic KV, and their tokens are
// random: what is measured is speed.
#include <vector>

#include "engine/model/forward.h"

namespace engine {

struct StepBenchSizes {
    int64_t n_sequences = 1;
    int64_t context = 0;      // tokens that each sequence holds before a sample
    int64_t n_prefill = 512;  // tokens of one prompt, >= 1
    KvFormat kv = KvFormat::f32;
    kernels::Isa isa = kernels::best_isa();

    // Tokens that a sequence may come to hold while it is measured.
    int64_t n_ctx() const;
};

class StepBench {
public:
    // Borrows both. Needs sizes.n_ctx() <= the model's n_ctx_max.
    StepBench(const Model& model, kernels::ThreadPool& pool, const StepBenchSizes& sizes);

    // Tokens a second of one prompt of n_prefill tokens behind the context.
    double prefill_rate();
    // Tokens a second of the first n sequences together, decoded step by step for so long, one step
    // at least. The context grows meanwhile, by 256 at most.
    double decode_rate(size_t n, double seconds);

private:
    void rewind(size_t i);
    SequenceChunk next_tokens(size_t i, int64_t n);
    double step(size_t n);  // seconds

    const Model& model_;
    const StepBenchSizes sizes_;
    Workspace workspace_;
    std::vector<KvState> kv_;
    std::vector<int32_t> tokens_;  // [n_sequences, behind the context]
    std::vector<float> logits_;    // [n_sequences, n_vocab]
    std::vector<SequenceChunk> batch_;
};

}  // namespace engine
