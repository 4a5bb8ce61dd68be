#pragma once
// A model behind the scheduler: its KV states, one for each place and used again and again, and the
// scratch of a step. Everything is allocated here; a step allocates nothing.
#include <vector>

#include "engine/model/forward.h"
#include "engine/scheduler/decoder.h"

namespace engine {

struct ModelDecoderConfig {
    int n_places = 1;
    int64_t n_ctx = 0;
    int64_t n_tokens_max = 0;  // of one step, all places together
    int n_threads = 0;         // 0: one per core
};

class ModelDecoder final : public Decoder {
public:
    // Borrows the model, which outlives it.
    ModelDecoder(const Model& model, const ModelDecoderConfig& config);

    int64_t n_vocab() const override { return model_.config().n_vocab; }
    void clear(int place) override { kv_[static_cast<size_t>(place)].reset(); }
    void step(std::span<const Chunk> batch) override;

private:
    const Model& model_;
    kernels::ThreadPool pool_;
    Workspace workspace_;
    std::vector<KvState> kv_;            // by place
    std::vector<SequenceChunk> chunks_;  // of the step under way
};

}  // namespace engine
