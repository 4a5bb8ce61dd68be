#include "gateway/upstream/queued_attempt.h"

#include <boost/asio/post.hpp>

namespace gateway {

QueuedAttempt::QueuedAttempt(asio::io_context& io, TimePoint deadline, Begin begin)
    : io_(io), begin_(std::move(begin)), timer_(io, deadline) {}

QueuedAttempt::~QueuedAttempt() = default;

bool QueuedAttempt::enter(InflightCounts& inflight, const std::string& upstream,
                          const InflightCounts::Claim& claim) {
    waiting_ = inflight.wait(upstream, claim, io_,
                             [this](InflightCounts::Permit permit) { granted(std::move(permit)); });
    if (!waiting_) return false;
    timer_.async_wait([this, alive = std::weak_ptr<int>(alive_)](boost::system::error_code error) {
        if (error || alive.expired() || attempt_ || end_) return;
        AttemptEnd late;
        late.kind = AttemptEnd::Kind::failed;
        late.failure = config::FailureClass::overloaded;
        late.detail = "no place at the upstream came free within queue_time_max";
        end(std::move(late));
    });
    return true;
}

void QueuedAttempt::granted(InflightCounts::Permit permit) {
    if (end_) return;
    waiting_.reset();
    timer_.cancel();
    attempt_ = begin_(std::move(permit));
    if (taker_ != nullptr) attempt_->pass_to(*taker_);
    wake_.fire();
}

void QueuedAttempt::end(AttemptEnd end) {
    waiting_.reset();
    timer_.cancel();
    end_ = std::move(end);
    fire_soon();
}

// Whoever cancels or wakes is not to be resumed under its own feet.
void QueuedAttempt::fire_soon() {
    asio::post(io_, [this, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) wake_.fire();
    });
}

asio::awaitable<AttemptBatch> QueuedAttempt::next() {
    AttemptBatch batch;
    while (!attempt_ && !end_) {
        if (std::exchange(woken_, false)) co_return batch;
        co_await wake_.wait();
    }
    if (attempt_) co_return co_await attempt_->next();
    batch.end = std::move(end_);
    co_return batch;
}

void QueuedAttempt::cancel() {
    if (attempt_) return attempt_->cancel();
    if (end_) return;
    AttemptEnd cancelled;
    cancelled.kind = AttemptEnd::Kind::cancelled;
    cancelled.is_unsent = true;
    end(std::move(cancelled));
}

void QueuedAttempt::wake() {
    if (attempt_) return attempt_->wake();
    woken_ = true;
    fire_soon();
}

void QueuedAttempt::pass_to(ChunkTaker& taker) {
    taker_ = &taker;
    if (attempt_) attempt_->pass_to(taker);
}

}  // namespace gateway
