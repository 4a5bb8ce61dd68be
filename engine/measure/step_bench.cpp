#include "engine/measure/step_bench.h"

#include <algorithm>

#include "config/ensure.h"
#include "engine/measure/probes.h"
#include "engine/measure/synthetic_kv.h"

namespace engine {
namespace {

constexpr int64_t kDecodeMax = 256;

}  // namespace

int64_t StepBenchSizes::n_ctx() const {
    return context + std::max(n_prefill, kDecodeMax);
}

StepBench::StepBench(const Model& model, kernels::ThreadPool& pool, const StepBenchSizes& sizes)
    : model_(model),
      sizes_(sizes),
      workspace_(model, pool,
                 {.n_tokens_max = std::max(sizes.n_prefill, sizes.n_sequences),
                  .n_ctx = sizes.n_ctx(),
                  .isa = sizes.isa}) {
    ENSURE(sizes.n_ctx() <= model.config().n_ctx_max);
    const int64_t n_behind = sizes.n_ctx() - sizes.context;
    const auto n_vocab = static_cast<uint64_t>(model.config().n_vocab);
    uint64_t state = 88172645463325252;
    for (int64_t i = 0; i < sizes.n_sequences * n_behind; ++i) {
        state = state * 6364136223846793005 + 1442695040888963407;
        tokens_.push_back(static_cast<int32_t>((state >> 33) % n_vocab));
    }
    const auto n = static_cast<size_t>(sizes.n_sequences);
    logits_.resize(n_vocab * n);
    batch_.reserve(n);
    for (size_t i = 0; i < n; ++i) {
        kv_.emplace_back(model.config(), sizes.n_ctx(), sizes.kv);
        rewind(i);
    }
}

void StepBench::rewind(size_t i) {
    kv_[i].reset();
    fill_kv(kv_[i], sizes_.context, i);
}

SequenceChunk StepBench::next_tokens(size_t i, int64_t n) {
    const int64_t n_behind = sizes_.n_ctx() - sizes_.context;
    const int64_t from = static_cast<int64_t>(i) * n_behind + kv_[i].n_tokens() - sizes_.context;
    return {&kv_[i], std::span(tokens_).subspan(static_cast<size_t>(from), static_cast<size_t>(n)),
            LogitsWanted::last, logits_.data() + i * static_cast<size_t>(model_.config().n_vocab)};
}

double StepBench::prefill_rate() {
    rewind(0);
    batch_.assign({next_tokens(0, sizes_.n_prefill)});
    const double begin = seconds_of_now();
    forward(model_, workspace_, batch_);
    const double seconds = seconds_of_now() - begin;
    rewind(0);
    return static_cast<double>(sizes_.n_prefill) / seconds;
}

double StepBench::step(size_t n) {
    batch_.clear();
    for (size_t i = 0; i < n; ++i) {
        if (kv_[i].n_tokens() == sizes_.context + kDecodeMax) rewind(i);
        batch_.push_back(next_tokens(i, 1));
    }
    const double begin = seconds_of_now();
    forward(model_, workspace_, batch_);
    return seconds_of_now() - begin;
}

double StepBench::decode_rate(size_t n, double seconds) {
    ENSURE(n >= 1 && n <= kv_.size());
    double spent = 0;
    int64_t n_steps = 0;
    do {
        spent += step(n);
        ++n_steps;
    } while (spent < seconds);
    return static_cast<double>(n_steps * static_cast<int64_t>(n)) / spent;
}

}  // namespace engine
