#pragma once
// One submitted request, from its wait for a place to its last token.
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

    // Touched on the scheduler thread only.
    AnswerStream answer;
    int place = -1;           // in the decoder; -1: not in the batch yet
    size_t n_prefilled = 0;   // of the prompt
    uint64_t n_sampled = 0;   // EOS included
    int32_t last_token = -1;  // sampled, not fed yet; -1: none
    int64_t n_kv = 0;         // tokens the decoder holds
    bool parked = false;      // the sink has no room
    bool cancelled = false;

    bool prefilling() const { return n_prefilled < prompt.tokens.size(); }
    std::span<const int32_t> prompt_rest() const {
        return std::span(prompt.tokens).subspan(n_prefilled);
    }
    TokenUsage usage() const {
        return {static_cast<int64_t>(n_prefilled), 0, answer.n_output(), answer.n_reasoning(),
                answer.n_calls_cut()};
    }
};

}  // namespace engine
