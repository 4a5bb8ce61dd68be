#include "engine/scheduler/model_decoder.h"

#include <utility>

#include "config/ensure.h"

namespace engine {

ModelDecoder::ModelDecoder(const Model& model, const ModelDecoderConfig& config)
    : model_(model),
      format_(config.kv),
      pool_(config.n_threads),
      workspace_(model, pool_, {.n_tokens_max = config.n_tokens_max, .n_ctx = config.n_ctx}),
      prefixes_(config.prefix_cache_bytes_max, kv_block_tokens(model.config())) {
    const auto n_places = static_cast<size_t>(config.n_places);
    kv_.reserve(n_places);
    for (size_t i = 0; i < n_places; ++i) kv_.emplace_back(model.config(), config.n_ctx, format_);
    chunks_.reserve(n_places);
}

int64_t ModelDecoder::kv_bytes(int64_t n_tokens) const {
    return engine::kv_bytes(model_.config(), format_, n_tokens).total();
}

Decoder::Reuse ModelDecoder::begin(int place, uint64_t owner, std::span<const int32_t> prompt) {
    return prefixes_.restore(owner, prompt, kv_[static_cast<size_t>(place)]);
}

void ModelDecoder::keep(int place, uint64_t owner, std::span<const int32_t> tokens) {
    prefixes_.keep(owner, tokens, kv_[static_cast<size_t>(place)]);
}

void ModelDecoder::set_aside(int place, uint64_t name) {
    KvState& kv = kv_[static_cast<size_t>(place)];
    if (spare_.empty()) spare_.emplace_back(model_.config(), kv.n_ctx(), format_);
    aside_.emplace(name, std::exchange(kv, std::move(spare_.back())));
    spare_.pop_back();
}

void ModelDecoder::take_up(uint64_t name, int place) {
    KvState& kv = kv_[static_cast<size_t>(place)];
    ENSURE(kv.n_tokens() == 0);
    spare_.push_back(std::exchange(kv, std::move(aside_.at(name))));
    aside_.erase(name);
}

void ModelDecoder::drop(uint64_t name) {
    KvState& kv = aside_.at(name);
    kv.reset();
    spare_.push_back(std::move(kv));
    aside_.erase(name);
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
