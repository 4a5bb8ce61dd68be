#pragma once
// The four time-outs of one attempt: told what happens, says when time is up and what that means.
#include <algorithm>
#include <string>

#include "gateway/chat/attempt.h"
#include "gateway/upstream/failure_class.h"

namespace gateway {

class AttemptClock {
public:
    // `deadline` is the request's own.
    AttemptClock(const config::Timeouts& timeouts, TimePoint start, TimePoint deadline)
        : connect_(start + timeouts.connect),
          ttft_(start + timeouts.ttft),
          end_(std::min(start + timeouts.total, deadline)),
          idle_(timeouts.idle) {}

    void connected() { is_connected_ = true; }
    // The first event of an answer; unstreamed: the first byte of its body.
    void answered() { is_answered_ = true; }
    bool is_answered() const { return is_answered_; }
    void read(TimePoint now) { last_read_ = now; }
    // Parked by a slow client: silence is not the upstream's fault meanwhile.
    void parked(bool parked, TimePoint now) {
        is_parked_ = parked;
        last_read_ = now;
    }

    TimePoint deadline() const {
        if (!is_connected_) return std::min(connect_, end_);
        if (!is_answered_) return std::min(ttft_, end_);
        return is_parked_ ? end_ : std::min(last_read_ + idle_, end_);
    }

    // Which time-out deadline() stood for.
    Failure failure() const {
        using config::FailureClass;
        if (end_ <= deadline()) {
            return failed(is_answered_ ? FailureClass::timeout_idle : FailureClass::timeout_ttft,
                          "the time for the whole answer is up");
        }
        if (!is_connected_) return failed(FailureClass::connect, "no connection in time");
        if (!is_answered_) return failed(FailureClass::timeout_ttft, "no answer began in time");
        return failed(FailureClass::timeout_idle, "the answer stalled");
    }

private:
    const TimePoint connect_, ttft_, end_;
    const std::chrono::milliseconds idle_;
    TimePoint last_read_{};
    bool is_connected_ = false, is_answered_ = false, is_parked_ = false;
};

}  // namespace gateway
