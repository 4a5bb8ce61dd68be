#pragma once
// From the sampled tokens of one answer to what a client sees: reasoning until </think>, then
// content until EOS or a stop string. Control tokens leave no text, text is whole characters.
#include <deque>
#include <optional>

#include "engine/chat/control_ids.h"
#include "engine/chat/stop_matcher.h"
#include "engine/engine.h"
#include "engine/tokenizer/utf8.h"

namespace engine {

// Borrows the tokenizer. Confined to the scheduler thread.
class AnswerStream {
public:
    enum class State : uint8_t { thinking, content, ended };

    // `thinking`: the prompt ends inside a think block. Stop strings are searched in content only.
    AnswerStream(const Tokenizer& tokenizer, const ControlIds& controls, bool thinking,
                 const std::vector<std::string>& stops);

    // Takes the next token, one that answer_tokens() allows. Adds to `delta` what may go out; if
    // the state is `ended` afterwards, that is all there is. A log-probability goes out with the
    // first piece of its token's text, and not at all if a stop string swallows it.
    void push(int32_t token, std::optional<TokenLogprob> logprob, TokenDelta& delta);
    // The answer was cut at its length: adds what was held back.
    void finish(TokenDelta& delta);

    State state() const { return state_; }
    int64_t n_output() const { return n_output_; }        // without EOS
    int64_t n_reasoning() const { return n_reasoning_; }  // of n_output; </think> is one of them

private:
    void push_content(std::string_view text, TokenDelta& delta);
    void release_logprobs(TokenDelta& delta);

    struct HeldLogprob {
        size_t begin;  // of its text, in the content
        TokenLogprob logprob;
    };

    const Tokenizer& tokenizer_;
    const ControlIds controls_;
    State state_;
    Utf8Stream characters_;
    StopMatcher stops_;
    std::deque<HeldLogprob> held_;
    size_t n_content_ = 0;   // bytes of content so far
    size_t n_released_ = 0;  // of these, bytes that went out
    int64_t n_output_ = 0;
    int64_t n_reasoning_ = 0;
};

}  // namespace engine
