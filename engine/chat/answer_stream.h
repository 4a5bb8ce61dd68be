#pragma once
// From the sampled tokens of one answer to what a client sees: reasoning until </think>, then
// content until EOS or a stop string, or a block of tool calls, which ends the answer. Control
// tokens leave no text, text is whole characters.
//
// A block opens with a DSML token behind a <, in reasoning as well as in content, if the answer may
// call at all; it ends either. Line ends in front of it belong to it, so they wait until it is
// known what follows. Stop strings are searched in content only, and not where it is held to a
// format.
#include <deque>
#include <optional>

#include "engine/calls/call_memory.h"
#include "engine/calls/call_stream.h"
#include "engine/chat/answer_format.h"
#include "engine/chat/control_ids.h"
#include "engine/chat/stop_matcher.h"
#include "engine/engine.h"
#include "engine/tokenizer/utf8.h"

namespace engine {

struct AnswerCalls {
    std::shared_ptr<const CallGrammar> grammar{};  // null: none
    CallMemory* memory = nullptr;                  // of what was written; outlives the stream
    uint64_t owner = 0;
};

// Borrows the tokenizer. Confined to the scheduler thread.
class AnswerStream {
public:
    enum class State : uint8_t { thinking, content, calls, ended };
    // What the last text ends with.
    enum class Tail : uint8_t { other, less, less_slash };

    // `thinking`: the prompt ends inside a think block, which holds n_reasoning_max tokens at most.
    AnswerStream(const Tokenizer& tokenizer, const ControlIds& controls, bool thinking,
                 const std::vector<std::string>& stops, AnswerCalls calls = {},
                 int64_t n_reasoning_max = INT64_MAX,
                 const std::shared_ptr<const JsonSchema>& format = nullptr);

    // Takes the next token, one that AnswerMask allows. Adds to `delta` what may go out; if the
    // state is `ended` afterwards, that is all there is. A log-probability goes out with the first
    // piece of its token's text, and not at all if a stop string or a block swallows it.
    void push(int32_t token, std::optional<TokenLogprob> logprob, TokenDelta& delta);
    // The answer was cut at its length: adds what was held back, unless it looks like the beginning
    // of a block. A call under way never ends.
    void finish(TokenDelta& delta);

    State state() const { return state_; }
    Tail tail() const { return tail_; }
    // Nothing but </think> may come.
    bool must_end_thinking() const {
        return state_ == State::thinking && n_reasoning_ + 1 >= n_reasoning_max_;
    }
    const CallGrammar* grammar() const { return calls_given_.grammar.get(); }
    const CallStream* calls() const { return calls_ ? &*calls_ : nullptr; }
    const FormatMachine* format() const { return format_ ? &*format_ : nullptr; }
    // Of an answer that ended by itself: tool_calls or stop; failed, if its content does not fit
    // the format, which AnswerMask does not let happen.
    FinishReason reason() const;
    int64_t n_output() const { return n_output_; }        // without EOS
    int64_t n_reasoning() const { return n_reasoning_; }  // of n_output; </think> is one of them
    int n_calls_cut() const { return calls_ && calls_->has_open_call() ? 1 : 0; }

private:
    void end(TokenDelta& delta);
    void push_thinking(int32_t token, TokenDelta& delta);
    void push_content_token(int32_t token, std::optional<TokenLogprob> logprob, TokenDelta& delta);
    void push_call_token(int32_t token, TokenDelta& delta);
    bool fits_format(std::string_view bytes);
    void take_content(std::string_view text, TokenDelta& delta);
    void release_stops(TokenDelta& delta);
    void release_logprobs(TokenDelta& delta);
    void hold_lead(std::string_view text, std::string& out);
    void end_thinking();
    void open_block(TokenDelta& delta);
    void note_tail(std::string_view bytes);
    bool may_call() const { return calls_given_.grammar && calls_given_.grammar->may_call(); }

    struct HeldLogprob {
        size_t begin;  // of its text, in the content
        TokenLogprob logprob;
    };

    const Tokenizer& tokenizer_;
    const ControlIds controls_;
    const AnswerCalls calls_given_;
    const int64_t n_reasoning_max_;
    State state_;
    Tail tail_ = Tail::other;
    Utf8Stream characters_;
    std::string lead_;  // of a block, if one follows
    StopMatcher stops_;
    std::deque<HeldLogprob> held_;
    size_t n_content_ = 0;   // bytes of content so far, lead included
    size_t n_released_ = 0;  // of these, bytes that went out
    std::optional<CallStream> calls_;
    std::optional<FormatMachine> format_;
    bool format_broken_ = false;
    CallMemory::Block written_;
    int64_t n_output_ = 0;
    int64_t n_reasoning_ = 0;
};

}  // namespace engine
