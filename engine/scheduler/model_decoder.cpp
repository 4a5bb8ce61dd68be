#include "engine/scheduler/model_decoder.h"

namespace engine {

ModelDecoder::ModelDecoder(const Model& model, const ModelDecoderConfig& config)
    : model_(model),
      pool_(config.n_threads),
      workspace_(model, pool_, {.n_tokens_max = config.n_tokens_max, .n_ctx = config.n_ctx}) {
    const auto n_places = static_cast<size_t>(config.n_places);
    kv_.reserve(n_places);
    for (size_t i = 0; i < n_places; ++i) kv_.emplace_back(model.config(), config.n_ctx);
    chunks_.reserve(n_places);
}

void ModelDecoder::step(std::span<const Chunk> batch) {
    chunks_.clear();
    for (const Chunk& chunk : batch) {
        chunks_.push_back({&kv_[static_cast<size_t>(chunk.place)], chunk.tokens,
                           chunk.logits ? LogitsWanted::last : LogitsWanted::none, chunk.logits});
    }
    forward(model_, workspace_, chunks_);
}

}  // namespace engine
