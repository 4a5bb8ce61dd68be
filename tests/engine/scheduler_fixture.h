#pragma once
// A scheduler over the scripted decoder and the small tokenizer.
#include <numeric>
#include <optional>

#include "engine/scheduler/scheduler.h"
#include "tests/engine/recording_sink.h"
#include "tests/engine/scripted_decoder.h"
#include "tests/engine/text_fixture.h"

namespace engine {

// To be destroyed before its sinks.
struct Bench {
    explicit Bench(SchedulerConfig wanted = {}) : config(wanted) {}

    Scheduler& start() {
        scheduler.emplace(config, decoder, small_tokenizer(), small_controls());
        return *scheduler;
    }

    SchedulerConfig config;
    ScriptedDecoder decoder{small_tokenizer().n_ids() + 3, config.n_sequences_max};
    std::optional<Scheduler> scheduler;
};

inline Prompt prompt_of(size_t n_tokens, int32_t first = 5, bool thinking = false) {
    Prompt prompt{std::vector<int32_t>(n_tokens), thinking};
    std::iota(prompt.tokens.begin(), prompt.tokens.end(), first);
    for (int32_t& token : prompt.tokens) token %= small_tokenizer().n_ids();
    return prompt;
}

}  // namespace engine
