#pragma once
// One submitted request, from its wait for a place to its last token.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "engine/chat/answer_stream.h"
#include "engine/engine.h"

namespace engine {

// Handed from the waiting queue to the scheduler thread, which owns it from then on.
struct Sequence {
    // Constant after submit().
    SequenceId id;
    Prompt prompt;
    Sampling sampling;  // with a seed
    int64_t n_output_max;
    uint64_t owner;
    TokenSink* sink;
    int64_t kv_bytes;  // at its longest

    // Touched on the scheduler thread only.
    AnswerStream answer;
    int place = -1;                    // in the decoder; -1: not in the batch yet
    bool begun = false;                // its place has taken what was kept of its prompt
    size_t n_prefilled = 0;            // of the prompt
    int64_t n_cached = 0;              // of those, taken from what was kept
    std::array<int64_t, 2> keep_at{};  // Decoder::Reuse
    uint64_t n_sampled = 0;            // EOS included
    int32_t last_token = -1;           // sampled, not fed yet; -1: none
    int64_t n_kv = 0;                  // tokens the decoder holds
    bool parked = false;               // the sink has no room
    bool cancelled = false;

    bool prefilling() const { return n_prefilled < prompt.tokens.size(); }
    std::span<const int32_t> prompt_rest() const {
        return std::span(prompt.tokens).subspan(n_prefilled);
    }
    // At most n_max >= 1 tokens of the rest, no further than where the decoder shall keep them.
    std::span<const int32_t> next_chunk(size_t n_max) const {
        size_t n = std::min(prompt_rest().size(), n_max);
        for (const int64_t at : keep_at) {
            const auto end = static_cast<size_t>(at);
            if (end > n_prefilled) n = std::min(n, end - n_prefilled);
        }
        return prompt_rest().first(n);
    }
    bool keeps_here() const {
        return std::find(keep_at.begin(), keep_at.end(), n_kv) != keep_at.end();
    }
    TokenUsage usage() const {
        return {static_cast<int64_t>(n_prefilled), n_cached, answer.n_output(),
                answer.n_reasoning(), answer.n_calls_cut()};
    }
};

}  // namespace engine
