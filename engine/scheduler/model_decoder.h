#pragma once
// A model behind the scheduler: its KV states, one for each place and used again and again, what is
// kept of earlier prompts, and the scratch of a step, which allocates nothing.
#include <unordered_map>
#include <vector>

#include "engine/model/forward.h"
#include "engine/scheduler/decoder.h"
#include "engine/scheduler/prefix_cache.h"

namespace engine {

struct ModelDecoderConfig {
    int n_places = 1;
    int64_t n_ctx = 0;
    int64_t n_tokens_max = 0;  // of one step, all places together
    int n_threads = 0;         // 0: one per core
    KvFormat kv = KvFormat::f32;
    int64_t prefix_cache_bytes_max = 0;
};

class ModelDecoder final : public Decoder {
public:
    // Borrows the model, which outlives it.
    ModelDecoder(const Model& model, const ModelDecoderConfig& config);

    int64_t n_vocab() const override { return model_.config().n_vocab; }
    int64_t kv_bytes(int64_t n_tokens) const override;
    void clear(int place) override { kv_[static_cast<size_t>(place)].reset(); }
    void set_aside(int place, uint64_t name) override;
    void take_up(uint64_t name, int place) override;
    void drop(uint64_t name) override;
    Reuse begin(int place, uint64_t owner, std::span<const int32_t> prompt) override;
    void keep(int place, uint64_t owner, std::span<const int32_t> tokens) override;
    int64_t kept_bytes() const override { return prefixes_.bytes(); }
    int64_t resident(uint64_t owner, std::span<const int32_t> prompt) const override {
        return prefixes_.resident(owner, prompt);
    }
    void step(std::span<const Chunk> batch) override;

private:
    const Model& model_;
    const KvFormat format_;
    kernels::ThreadPool pool_;
    Workspace workspace_;
    std::vector<KvState> kv_;     // by place
    std::vector<KvState> spare_;  // empty ones
    std::unordered_map<uint64_t, KvState> aside_;
    PrefixCache prefixes_;
    std::vector<SequenceChunk> chunks_;  // of the step under way
};

}  // namespace engine
