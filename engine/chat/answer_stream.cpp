#include "engine/chat/answer_stream.h"

#include <utility>

namespace engine {

AnswerStream::AnswerStream(const Tokenizer& tokenizer, const ControlIds& controls, bool thinking,
                           const std::vector<std::string>& stops)
    : tokenizer_(tokenizer),
      controls_(controls),
      state_(thinking ? State::thinking : State::content),
      stops_(stops) {}

void AnswerStream::push(int32_t token, std::optional<TokenLogprob> logprob, TokenDelta& delta) {
    if (token == controls_[Control::eos]) {
        finish(delta);
        return;
    }
    ++n_output_;
    if (state_ == State::thinking) {
        ++n_reasoning_;
        if (token == controls_[Control::think_end]) {
            characters_.finish(delta.reasoning);
            state_ = State::content;
        } else {
            characters_.push(tokenizer_.bytes(token), delta.reasoning);
        }
        return;
    }
    if (logprob) held_.push_back({n_content_, std::move(*logprob)});
    std::string text;
    characters_.push(tokenizer_.bytes(token), text);
    push_content(text, delta);
}

void AnswerStream::push_content(std::string_view text, TokenDelta& delta) {
    n_content_ += text.size();
    const size_t n_before = delta.content.size();
    if (stops_.push(text, delta.content)) state_ = State::ended;
    n_released_ += delta.content.size() - n_before;
    release_logprobs(delta);
}

void AnswerStream::release_logprobs(TokenDelta& delta) {
    while (!held_.empty() && held_.front().begin < n_released_) {
        delta.logprobs.push_back(std::move(held_.front().logprob));
        held_.pop_front();
    }
}

void AnswerStream::finish(TokenDelta& delta) {
    if (state_ == State::thinking) characters_.finish(delta.reasoning);
    if (state_ == State::content) {
        std::string rest;
        characters_.finish(rest);
        push_content(rest, delta);
        if (state_ == State::content) {
            const size_t n_before = delta.content.size();
            stops_.finish(delta.content);
            n_released_ += delta.content.size() - n_before;
            release_logprobs(delta);
        }
    }
    state_ = State::ended;
}

}  // namespace engine
