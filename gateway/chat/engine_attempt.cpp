#include "gateway/chat/engine_attempt.h"

#include <boost/asio/post.hpp>
#include <mutex>

#include "config/ensure.h"
#include "gateway/chat/wake.h"

namespace gateway {

namespace {

using engine::FinishReason;
using engine::TokenDelta;
using engine::TokenUsage;

int64_t n_call_bytes(const TokenDelta& delta) {
    size_t n_bytes = 0;
    for (const auto& call : delta.calls) n_bytes += call.name.size() + call.arguments.size();
    return static_cast<int64_t>(n_bytes);
}

// Bytes that a delta will take in a chunk, near enough for a limit.
int64_t weight(const TokenDelta& delta) {
    const size_t n_heads = 64 * (delta.logprobs.size() + delta.calls.size()) + 200;
    return static_cast<int64_t>(delta.reasoning.size() + delta.content.size() + n_heads) +
           n_call_bytes(delta);
}

void append(TokenDelta& whole, TokenDelta&& part) {
    whole.reasoning += part.reasoning;
    whole.content += part.content;
    for (auto& logprob : part.logprobs) whole.logprobs.push_back(std::move(logprob));
    for (auto& call : part.calls) {
        if (whole.calls.empty() || whole.calls.back().index != call.index) {
            whole.calls.push_back(std::move(call));
        } else {
            whole.calls.back().arguments += call.arguments;
            whole.calls.back().ends = call.ends;
        }
    }
}

Usage usage_of(const TokenUsage& usage) {
    return {usage.n_prompt, usage.n_prompt_cached, 0, usage.n_output, usage.n_reasoning};
}

// Between the scheduler thread and the io thread. Lives until on_end() has returned and the attempt
// let go.
class Bridge final : public engine::TokenSink, public std::enable_shared_from_this<Bridge> {
public:
    Bridge(asio::io_context& io, int64_t n_bytes_max) : io_(io), n_bytes_max_(n_bytes_max) {}

    // What has arrived since the last call.
    struct Arrivals {
        std::vector<TokenDelta> deltas;
        std::optional<std::pair<FinishReason, TokenUsage>> end;
        bool was_full = false;
    };

    void keep_until_end() { self_ = shared_from_this(); }  // before submit()
    void forget() { self_.reset(); }                       // submit() refused

    bool on_delta(TokenDelta&& delta) override {
        const std::lock_guard lock(mutex_);
        n_bytes_ += weight(delta);
        arrivals_.deltas.push_back(std::move(delta));
        notify();
        const bool has_room = unbounded_ || n_bytes_ < n_bytes_max_;
        if (!has_room) arrivals_.was_full = true;
        return has_room;
    }

    void on_end(FinishReason reason, const TokenUsage& usage) override {
        const std::shared_ptr<Bridge> keep = std::move(self_);
        const std::lock_guard lock(mutex_);
        arrivals_.end.emplace(reason, usage);
        notify();
    }

    Arrivals take() {  // io thread
        const std::lock_guard lock(mutex_);
        n_bytes_ = 0;
        return std::exchange(arrivals_, {});
    }
    // An unstreamed answer is collected whole; the output limit bounds it.
    void collect_whole() { unbounded_ = true; }

    asio::awaitable<void> wait() { return wake_.wait(); }
    void wake() { wake_.fire(); }

private:
    // mutex_ is held. One post for all that arrives before the io thread looks.
    void notify() {
        if (std::exchange(notified_, true)) return;
        asio::post(io_, [self = shared_from_this()] {
            {
                const std::lock_guard lock(self->mutex_);
                self->notified_ = false;
            }
            self->wake_.fire();
        });
    }

    asio::io_context& io_;
    const int64_t n_bytes_max_;
    bool unbounded_ = false;  // constant after submit()
    Wake wake_;               // touched on the io thread only
    std::mutex mutex_;
    // Guarded by mutex_.
    Arrivals arrivals_;
    int64_t n_bytes_ = 0;
    bool notified_ = false;
    // Set before submit(), then the scheduler thread's.
    std::shared_ptr<Bridge> self_;
};

std::string_view finish_word(FinishReason reason) {
    switch (reason) {
        case FinishReason::length:
            return "length";
        case FinishReason::tool_calls:
            return "tool_calls";
        case FinishReason::stop:
        case FinishReason::cancelled:
        case FinishReason::failed:
            break;
    }
    return "stop";
}

Opening opening_of(const TokenDelta& delta) {
    const bool has_text = !delta.reasoning.empty() || !delta.content.empty();
    return has_text || delta.calls.empty() ? Opening::text : Opening::calls;
}

class EngineAttempt final : public Attempt {
public:
    EngineAttempt(asio::io_context& io, const EngineCall& call)
        : engine_(*call.engine),
          bridge_(std::make_shared<Bridge>(io, call.buffer_bytes_max)),
          stream_(call.stream),
          include_usage_(call.include_usage),
          logprobs_(call.sampling.logprobs),
          head_(call.head),
          encoder_(call.head, call.include_usage, call.sampling.logprobs) {}

    ~EngineAttempt() override {
        if (running_) engine_.cancel(id_);
    }

    engine::Result<void> submit(EngineCall&& call) {
        if (!stream_) bridge_->collect_whole();
        bridge_->keep_until_end();
        auto id = engine_.submit(std::move(call.prompt), call.sampling, call.terms, *bridge_);
        if (!id) {
            bridge_->forget();
            return tl::unexpected(std::move(id.error()));
        }
        id_ = *id;
        running_ = true;
        return {};
    }

    asio::awaitable<AttemptBatch> next() override {
        ENSURE(running_);
        for (;;) {
            Bridge::Arrivals arrivals = bridge_->take();
            // Taking is not yet writing: the sequence goes on once this batch was asked past.
            if (std::exchange(parked_, false)) engine_.resume(id_);
            parked_ = arrivals.was_full && !arrivals.end;
            AttemptBatch batch = encode(std::move(arrivals));
            if (!batch.chunks.empty() || batch.end || std::exchange(woken_, false)) co_return batch;
            if (std::exchange(parked_, false)) {
                engine_.resume(id_);
                continue;
            }
            co_await bridge_->wait();
        }
    }

    void cancel() override {
        if (running_) engine_.cancel(id_);
    }

    void wake() override {
        woken_ = true;
        bridge_->wake();
    }

private:
    AttemptBatch encode(Bridge::Arrivals&& arrivals) {
        AttemptBatch batch;
        for (TokenDelta& delta : arrivals.deltas) {
            if (!stream_) {
                append(whole_, std::move(delta));
                continue;
            }
            if (!std::exchange(began_, true)) add(batch, encoder_.role_chunk(opening_of(delta)));
            ChatChunk& chunk = add(batch, encoder_.delta_chunk(delta));
            chunk.n_reasoning_bytes = static_cast<int64_t>(delta.reasoning.size());
            chunk.n_text_bytes = chunk.n_reasoning_bytes +
                                 static_cast<int64_t>(delta.content.size()) + n_call_bytes(delta);
        }
        if (arrivals.end) {
            running_ = false;
            finish(batch, arrivals.end->first, arrivals.end->second);
        }
        return batch;
    }

    void finish(AttemptBatch& batch, FinishReason reason, const TokenUsage& counted) {
        AttemptEnd& end = batch.end.emplace();
        end.source = billing::CountSource::engine;
        end.usage = usage_of(counted);
        switch (reason) {
            case FinishReason::cancelled:
                end.kind = AttemptEnd::Kind::cancelled;
                return;
            case FinishReason::failed:
                end.kind = AttemptEnd::Kind::failed;
                end.failure = config::FailureClass::server_error;
                end.detail = "the engine failed while decoding";
                return;
            case FinishReason::stop:
            case FinishReason::length:
            case FinishReason::tool_calls:
                break;
        }
        if (counted.n_calls_cut > 0) end.detail = "a tool call was cut at the output limit";
        end.kind = AttemptEnd::Kind::complete;
        end.finish_reason = finish_word(reason);
        if (!stream_) {
            std::erase_if(whole_.calls, [](const auto& call) { return !call.ends; });
            add(batch, completion(head_, whole_, end.finish_reason, *end.usage, logprobs_));
            return;
        }
        if (!std::exchange(began_, true)) add(batch, encoder_.role_chunk());
        add(batch, encoder_.finish_chunk(end.finish_reason));
        if (include_usage_) add(batch, encoder_.usage_chunk(*end.usage)).usage_only = true;
    }

    static ChatChunk& add(AttemptBatch& batch, std::string data) {
        return batch.chunks.emplace_back(ChatChunk{std::move(data)});
    }

    engine::Engine& engine_;
    const std::shared_ptr<Bridge> bridge_;
    const bool stream_, include_usage_, logprobs_;
    const AnswerHead head_;
    const ChunkEncoder encoder_;
    engine::SequenceId id_;
    bool running_ = false;
    bool began_ = false;   // the role chunk is out
    bool parked_ = false;  // the sequence waits for resume()
    bool woken_ = false;
    TokenDelta whole_;  // unstreamed
};

}  // namespace

engine::Result<std::unique_ptr<Attempt>> start_engine_attempt(asio::io_context& io,
                                                              EngineCall&& call) {
    auto attempt = std::make_unique<EngineAttempt>(io, call);
    if (auto submitted = attempt->submit(std::move(call)); !submitted)
        return tl::unexpected(std::move(submitted.error()));
    return attempt;
}

config::FailureClass failure_class(engine::Errc code) {
    using config::FailureClass;
    switch (code) {
        case engine::Errc::overloaded:
        case engine::Errc::shutting_down:
            return FailureClass::overloaded;
        case engine::Errc::context_exceeded:
            return FailureClass::context_exceeded;
        case engine::Errc::prompt_invalid:
        case engine::Errc::schema_unsupported:
        case engine::Errc::unsupported:
            return FailureClass::caller_fault;
        case engine::Errc::file_missing:
        case engine::Errc::file_broken:
            return FailureClass::server_error;
    }
    return FailureClass::server_error;
}

}  // namespace gateway
