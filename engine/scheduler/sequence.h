#pragma once
// One submitted request, from its wait for a place to its last token.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/chat/answer_stream.h"
#include "engine/engine.h"

namespace engine {

// Handed from the waiting queue to the scheduler thread, which owns it from then on.
struct Sequence {
    // Constant after submit().
    SequenceId id;
    size_t n_prompt;
    Sampling sampling;  // with a seed
    Terms terms;
    TokenSink* sink;
    int64_t kv_bytes;  // at its longest

    // Touched on the scheduler thread only.
    AnswerStream answer;
    std::vector<int32_t> fed_first;    // the prompt; after restart() what was said, too
    int place = -1;                    // in the decoder; -1: not in the batch
    bool begun = false;                // its place has taken what was kept of fed_first
    size_t n_prefilled = 0;            // of fed_first
    size_t n_prompt_fed = 0;           // of the prompt, whatever happened to it since
    int64_t n_cached = 0;              // of those, taken from what was kept
    std::vector<int32_t> said{};       // sampled since the start or restart(), if of batch priority
    std::array<int64_t, 2> keep_at{};  // Decoder::Reuse
    uint64_t n_sampled = 0;            // EOS included
    int32_t last_token = -1;           // sampled, not fed yet; -1: none
    int64_t n_kv = 0;                  // tokens the decoder holds
    bool parked = false;               // the sink has no room
    bool cancelled = false;

    bool prefilling() const { return n_prefilled < fed_first.size(); }
    std::span<const int32_t> first_rest() const {
        return std::span(fed_first).subspan(n_prefilled);
    }
    // At most n_max >= 1 tokens of the rest, no further than where the decoder shall keep them.
    std::span<const int32_t> next_chunk(size_t n_max) const {
        size_t n = std::min(first_rest().size(), n_max);
        for (const int64_t at : keep_at) {
            const auto end = static_cast<size_t>(at);
            if (end > n_prefilled) n = std::min(n, end - n_prefilled);
        }
        return first_rest().first(n);
    }
    bool keeps_here() const {
        return std::find(keep_at.begin(), keep_at.end(), n_kv) != keep_at.end();
    }
    // Out of the batch without its KV: it is to be computed again, from all that was fed or said.
    // What comes then is what would have come, as a draw depends on the seed and n_sampled alone.
    void restart() {
        fed_first.insert(fed_first.end(), said.begin(), said.end());
        said.clear();
        place = -1;
        begun = false;
        n_prefilled = 0;
        n_kv = 0;
    }
    void count_prefilled(size_t n) {
        n_prefilled += n;
        n_prompt_fed = std::max(n_prompt_fed, std::min(n_prefilled, n_prompt));
    }
    TokenUsage usage() const {
        return {static_cast<int64_t>(n_prompt_fed), n_cached, answer.n_output(),
                answer.n_reasoning(), answer.n_calls_cut()};
    }
};

}  // namespace engine
