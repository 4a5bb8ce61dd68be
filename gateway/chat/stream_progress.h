#pragma once
#include <chrono>
#include <cstdint>

namespace gateway {

// When a running stream leaves a checkpoint: a crash loses 1,000 tokens or 5 s of it at most. Told
// the time and the tokens so far.
class StreamProgress {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // Of an attempt that starts.
    void restart(TimePoint now) { move_to(now, 0); }
    bool is_far(int64_t n_tokens) const { return n_tokens - n_tokens_ >= 1'000; }
    // Sooner than 5 s: by the time between two heartbeats, and a commit.
    bool is_due(TimePoint now) const { return now - at_ >= std::chrono::seconds{4}; }
    // Whether there is something new to tell; from here on the next one counts.
    bool advance(TimePoint now, int64_t n_tokens) {
        const bool is_new = n_tokens > n_tokens_;
        move_to(now, n_tokens);
        return is_new;
    }

private:
    void move_to(TimePoint now, int64_t n_tokens) {
        at_ = now;
        n_tokens_ = n_tokens;
    }

    TimePoint at_;
    int64_t n_tokens_ = 0;
};

}  // namespace gateway
