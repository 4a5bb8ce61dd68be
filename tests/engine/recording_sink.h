#pragma once
// Keeps what a sequence said and lets a test wait for moments of it.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "engine/engine.h"

namespace engine {

class RecordingSink final : public TokenSink {
public:
    // On the scheduler thread, after a delta was kept; its answer is on_delta's.
    std::function<bool()> room = [] { return true; };

    bool on_delta(TokenDelta&& delta) override {
        {
            const std::lock_guard lock(mutex_);
            reasoning_ += delta.reasoning;
            content_ += delta.content;
            for (auto& logprob : delta.logprobs) logprobs_.push_back(std::move(logprob));
            for (auto& call : delta.calls) calls_.push_back(std::move(call));
            ++n_deltas_;
        }
        changed_.notify_all();
        return room();
    }
    void on_end(FinishReason reason, const TokenUsage& usage) override {
        // Under the lock to the end: a waiting test may destroy this object right afterwards.
        const std::lock_guard lock(mutex_);
        ++n_ends_;
        reason_ = reason;
        usage_ = usage;
        changed_.notify_all();
    }

    void wait_for_end() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return n_ends_ > 0; });
    }
    void wait_for_deltas(int n) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this, n] { return n_deltas_ >= n || n_ends_ > 0; });
    }

    std::string text() const { return reasoning() + "|" + content(); }
    std::string content() const { return locked(content_); }
    std::string reasoning() const { return locked(reasoning_); }
    std::vector<TokenLogprob> logprobs() const { return locked(logprobs_); }
    std::vector<ToolCallDelta> calls() const { return locked(calls_); }
    int n_deltas() const { return locked(n_deltas_); }
    int n_ends() const { return locked(n_ends_); }
    FinishReason reason() const { return locked(reason_); }
    TokenUsage usage() const { return locked(usage_); }

private:
    template <class T>
    T locked(const T& value) const {
        const std::lock_guard lock(mutex_);
        return value;
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string reasoning_;
    std::string content_;
    std::vector<TokenLogprob> logprobs_;
    std::vector<ToolCallDelta> calls_;
    int n_deltas_ = 0;
    int n_ends_ = 0;
    FinishReason reason_ = FinishReason::failed;
    TokenUsage usage_;
};

}  // namespace engine
