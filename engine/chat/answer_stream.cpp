#include "engine/chat/answer_stream.h"

#include <algorithm>
#include <utility>

namespace engine {

using At = CallMachine::At;

AnswerStream::AnswerStream(const Tokenizer& tokenizer, const ControlIds& controls, bool thinking,
                           const std::vector<std::string>& stops, AnswerCalls calls,
                           int64_t n_reasoning_max, const std::shared_ptr<const JsonSchema>& format)
    : tokenizer_(tokenizer),
      controls_(controls),
      calls_given_(std::move(calls)),
      n_reasoning_max_(n_reasoning_max),
      state_(State::thinking),
      stops_(format ? std::vector<std::string>() : stops) {
    if (format) format_.emplace(format, may_call());
    if (!thinking) end_thinking();
}

void AnswerStream::push(int32_t token, std::optional<TokenLogprob> logprob, TokenDelta& delta) {
    if (token == controls_[Control::eos]) {
        format_broken_ |= format_ && state_ != State::calls && !format_->complete();
        end(delta);
        return;
    }
    ++n_output_;
    switch (state_) {
        case State::thinking:
            push_thinking(token, delta);
            break;
        case State::content:
            push_content_token(token, std::move(logprob), delta);
            break;
        case State::calls:
            push_call_token(token, delta);
            break;
        case State::ended:
            break;
    }
}

void AnswerStream::push_thinking(int32_t token, TokenDelta& delta) {
    if (token == controls_[Control::dsml] && may_call()) {
        written_.in_reasoning = true;
        open_block(delta);
        return;
    }
    ++n_reasoning_;
    std::string text;
    if (token == controls_[Control::think_end]) {
        characters_.finish(text);
        delta.reasoning += std::exchange(lead_, {}) + text;
        end_thinking();
    } else if (!tokenizer_.is_added(token)) {
        note_tail(tokenizer_.bytes(token));
        characters_.push(tokenizer_.bytes(token), text);
        hold_lead(text, delta.reasoning);
    }
}

void AnswerStream::push_content_token(int32_t token, std::optional<TokenLogprob> logprob,
                                      TokenDelta& delta) {
    if (token == controls_[Control::dsml] && may_call()) {
        open_block(delta);
        return;
    }
    if (tokenizer_.is_added(token)) return;
    if (!fits_format(tokenizer_.bytes(token))) {
        end(delta);
        return;
    }
    if (logprob) held_.push_back({n_content_, std::move(*logprob)});
    note_tail(tokenizer_.bytes(token));
    std::string text, certain;
    characters_.push(tokenizer_.bytes(token), text);
    n_content_ += text.size();
    hold_lead(text, certain);
    take_content(certain, delta);
}

bool AnswerStream::fits_format(std::string_view bytes) {
    const auto goes_on = [this](char byte) { return format_->push(static_cast<uint8_t>(byte)); };
    format_broken_ = format_ && !std::all_of(bytes.begin(), bytes.end(), goes_on);
    return !format_broken_;
}

void AnswerStream::push_call_token(int32_t token, TokenDelta& delta) {
    const bool is_dsml = token == controls_[Control::dsml];
    if (!is_dsml && tokenizer_.is_added(token)) return;
    if (is_dsml) {
        calls_->push_dsml(delta.calls);
    } else {
        calls_->push_text(tokenizer_.bytes(token), delta.calls);
    }
    if (calls_->broken()) return;
    const std::string_view bytes = tokenizer_.bytes(token);
    const bool is_lead = written_.tokens.empty() && !is_dsml;
    if (is_lead) {
        written_.lead += bytes;
    } else {
        written_.text += bytes;
        written_.tokens.push_back(token);
    }
    if (!calls_->done()) return;
    state_ = State::ended;
    if (!calls_given_.memory) return;
    written_.owner = calls_given_.owner;
    written_.calls = calls_->calls();
    calls_given_.memory->remember(std::move(written_));
}

// What of `text`, and of what was held before, is no lead goes to `out`.
void AnswerStream::hold_lead(std::string_view text, std::string& out) {
    lead_ += text;
    size_t n_certain = lead_.size();
    if (may_call()) {
        const std::string_view all = lead_;
        if (all.ends_with("</")) n_certain -= 2;
        if (all.ends_with('<')) n_certain -= 1;
        while (n_certain > 0 && (all[n_certain - 1] == '\n' || all[n_certain - 1] == '\r')) {
            --n_certain;
        }
    }
    out.append(lead_, 0, n_certain);
    lead_.erase(0, n_certain);
}

void AnswerStream::end_thinking() {
    state_ = State::content;
    tail_ = Tail::other;
    if (!may_call() || !calls_given_.grammar->must_call()) return;
    state_ = State::calls;
    calls_.emplace(calls_given_.grammar, At::lead);
}

void AnswerStream::open_block(TokenDelta& delta) {
    std::string text, certain;
    characters_.finish(text);
    hold_lead(text, certain);
    if (state_ == State::thinking) {
        delta.reasoning += certain;
    } else {
        n_content_ += text.size();
        take_content(certain, delta);
        if (state_ == State::ended) return;
        release_stops(delta);
    }
    state_ = State::calls;
    written_.lead = std::exchange(lead_, {});
    // Without a < in front no block begins, which the machine sees at its lead.
    const bool opens = tail_ == Tail::less;
    calls_.emplace(calls_given_.grammar, opens ? At::wrapper : At::lead);
    if (!opens) calls_->push_dsml(delta.calls);
    written_.text = tokenizer_.bytes(controls_[Control::dsml]);
    written_.tokens = {controls_[Control::dsml]};
}

void AnswerStream::take_content(std::string_view text, TokenDelta& delta) {
    const size_t n_before = delta.content.size();
    if (stops_.push(text, delta.content)) state_ = State::ended;
    n_released_ += delta.content.size() - n_before;
    release_logprobs(delta);
}

void AnswerStream::release_stops(TokenDelta& delta) {
    const size_t n_before = delta.content.size();
    stops_.finish(delta.content);
    n_released_ += delta.content.size() - n_before;
    release_logprobs(delta);
}

void AnswerStream::release_logprobs(TokenDelta& delta) {
    while (!held_.empty() && held_.front().begin < n_released_) {
        delta.logprobs.push_back(std::move(held_.front().logprob));
        held_.pop_front();
    }
}

void AnswerStream::note_tail(std::string_view bytes) {
    for (const char byte : bytes) {
        if (byte == '<') {
            tail_ = Tail::less;
        } else {
            tail_ = byte == '/' && tail_ == Tail::less ? Tail::less_slash : Tail::other;
        }
    }
}

void AnswerStream::finish(TokenDelta& delta) {
    if (lead_.find('<') != std::string::npos) lead_.clear();
    end(delta);
}

void AnswerStream::end(TokenDelta& delta) {
    if (state_ == State::thinking || state_ == State::content) {
        std::string rest = std::exchange(lead_, {});
        characters_.finish(rest);
        if (state_ == State::thinking) {
            delta.reasoning += rest;
        } else {
            take_content(rest, delta);
            if (state_ == State::content) release_stops(delta);
        }
    }
    state_ = State::ended;
}

FinishReason AnswerStream::reason() const {
    if (format_broken_) return FinishReason::failed;
    return calls_ && !calls_->calls().empty() ? FinishReason::tool_calls : FinishReason::stop;
}

}  // namespace engine
