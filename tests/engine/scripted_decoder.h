#pragma once
// A decoder without a model: what a place would say next is a hash of all tokens it holds, so that
// any token out of place changes the rest. Runs a hook of the test inside each step.
#include <algorithm>
#include <functional>
#include <map>
#include <utility>
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
    int64_t kv_bytes(int64_t n_tokens) const override { return n_tokens; }
    int64_t kept_bytes() const override { return 0; }
    int64_t resident(uint64_t, std::span<const int32_t>) const override { return 0; }
    void clear(int place) override { held_[static_cast<size_t>(place)].clear(); }
    void set_aside(int place, uint64_t name) override {
        aside_[name] = std::exchange(held_[static_cast<size_t>(place)], {});
    }
    void take_up(uint64_t name, int place) override {
        ENSURE(held_[static_cast<size_t>(place)].empty());
        held_[static_cast<size_t>(place)] = aside_.at(name);
        drop(name);
    }
    void drop(uint64_t name) override { ENSURE(aside_.erase(name) == 1); }
    // What keep() was told, by owner; taken up where a prompt begins like one of them.
    Reuse begin(int place, uint64_t owner, std::span<const int32_t> prompt) override {
        auto& held = held_[static_cast<size_t>(place)];
        ENSURE(held.empty());
        Reuse reuse;
        for (const auto& kept : kept_[owner]) {
            if (kept.size() < prompt.size() && kept.size() > held.size() &&
                std::equal(kept.begin(), kept.end(), prompt.begin())) {
                held = kept;
            }
        }
        reuse.n_tokens = static_cast<int64_t>(held.size());
        const auto n = static_cast<int64_t>(prompt.size());
        if (n_keep > 0 && n / n_keep * n_keep > reuse.n_tokens) {
            reuse.keep_at[1] = n / n_keep * n_keep;
        }
        return reuse;
    }
    void keep(int place, uint64_t owner, std::span<const int32_t> tokens) override {
        ENSURE(std::equal(tokens.begin(), tokens.end(), held_[static_cast<size_t>(place)].begin(),
                          held_[static_cast<size_t>(place)].end()));
        kept_[owner].emplace_back(tokens.begin(), tokens.end());
    }
    int64_t n_keep = 0;  // prompts are kept at multiples of it; 0: never
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
    std::map<uint64_t, std::vector<std::vector<int32_t>>> kept_;
    std::map<uint64_t, std::vector<int32_t>> aside_;
};

}  // namespace engine
