#pragma once
// A decoder without a model: what a place would say next is a hash of all tokens it holds, so that
// any token out of place changes the rest. Runs a hook of the test inside each step.
#include <functional>
#include <map>
#include <vector>

#include "config/ensure.h"
#include "engine/scheduler/decoder.h"

namespace engine {

class ScriptedDecoder final : public Decoder {
public:
    ScriptedDecoder(int64_t n_vocab, int n_places)
        : n_vocab_(n_vocab), held_(static_cast<size_t>(n_places)) {}

    // On the scheduler thread, within each step; batch as given.
    std::function<void(std::span<const Chunk>)> on_step;
    // Favours a row after so many tokens held: an EOS in time.
    std::map<size_t, int32_t> forced;

    int64_t n_vocab() const override { return n_vocab_; }
    void clear(int place) override { held_[static_cast<size_t>(place)].clear(); }
    void step(std::span<const Chunk> batch) override {
        std::vector<bool> seen(held_.size());
        for (const Chunk& chunk : batch) {
            const auto place = static_cast<size_t>(chunk.place);
            ENSURE(!seen[place] && !chunk.tokens.empty());
            seen[place] = true;
            auto& held = held_[place];
            held.insert(held.end(), chunk.tokens.begin(), chunk.tokens.end());
            if (chunk.logits) write_logits(held, {chunk.logits, static_cast<size_t>(n_vocab_)});
        }
        if (on_step) on_step(batch);
    }

private:
    void write_logits(const std::vector<int32_t>& held, std::span<float> logits) const {
        uint64_t state = 1469598103934665603u;
        for (const int32_t token : held)
            state = (state ^ static_cast<uint64_t>(token)) * 1099511628211u;
        for (float& logit : logits) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            logit = static_cast<float>(state >> 40) * 0x1p-22f;  // [0, 4)
        }
        if (const auto found = forced.find(held.size()); found != forced.end()) {
            logits[static_cast<size_t>(found->second)] = 100;
        }
    }

    const int64_t n_vocab_;
    std::vector<std::vector<int32_t>> held_;  // by place
};

}  // namespace engine
