#include "gateway/upstream/rotating_attempt.h"

namespace gateway {

asio::awaitable<AttemptBatch> RotatingAttempt::next() {
    for (;;) {
        AttemptBatch batch = co_await attempt_->next();
        has_answered_ |= !batch.chunks.empty();
        if (!batch.end || !UpstreamKeys::is_of_key(*batch.end) || !try_another(*batch.end))
            co_return batch;
    }
}

bool RotatingAttempt::try_another(const AttemptEnd& end) {
    const TimePoint now = std::chrono::steady_clock::now();
    keys_->note(upstream_.name, upstream_.api_keys[key_], end, now);
    if (has_answered_ || is_cancelled_ || n_tried_ == upstream_.api_keys.size()) return false;
    const auto other = keys_->choose_fresh(upstream_.name, upstream_.api_keys, now);
    if (!other) return false;
    attempt_.reset();  // its place may be the one that is free
    attempt_ = begin_(*other);
    if (!attempt_) return false;
    key_ = *other;
    ++n_tried_;
    if (taker_ != nullptr) attempt_->pass_to(*this);
    return true;
}

void RotatingAttempt::cancel() {
    is_cancelled_ = true;
    if (attempt_) attempt_->cancel();
}

void RotatingAttempt::pass_to(ChunkTaker& taker) {
    taker_ = &taker;
    if (attempt_) attempt_->pass_to(*this);
}

bool RotatingAttempt::take_chunks(std::vector<ChatChunk>& chunks) {
    has_answered_ |= !chunks.empty();
    return taker_->take_chunks(chunks);
}

}  // namespace gateway
