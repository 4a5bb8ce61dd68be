#pragma once
// Whether an endpoint is worth asking, by what became of the last attempts there. Closed: yes. It
// opens when 5 connections failed one after the other, or when half of at least 20 attempts within
// 10 s failed; then nobody asks for 5 to 60 s, longer each time, with jitter so that many gateways
// do not return at once. After that one request is the probe: if it succeeds the breaker closes,
// and for 10 s a growing share of the requests comes back; if it fails the wait begins anew.
//
// Times are given, never read: a pure state machine. One thread at a time.
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace routing {

class Breaker {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    enum class Result : uint8_t { success, failure, connect_failure };
    // half_open: a probe is due, or under way. recovering: closed, and its share grows back.
    // paused: closed, but the endpoint asked for a pause.
    enum class State : uint8_t { closed, open, half_open, recovering, paused };

    // May this request come at `now`? `dice`, uniform over 64 bits, decides who is let back in.
    // When a probe is due, whoever gets true is the probe.
    bool admits(TimePoint now, uint64_t dice);
    // What became of an attempt. True: it opened or closed with this.
    bool note(Result result, TimePoint now, uint64_t dice);
    // The endpoint itself asked for a pause (Retry-After); never more than 60 s count.
    void hold_off(TimePoint now, std::chrono::milliseconds pause);

    State state(TimePoint now) const;
    bool is_open() const { return is_open_; }
    // Open, and not yet asked again: once that is due nobody knows, and it passes for up until a
    // probe says otherwise.
    bool is_down(TimePoint now) const { return is_open_ && !is_probing_ && now < ask_again_; }

private:
    static constexpr size_t kBuckets = 10;
    struct Bucket {
        int64_t second = -1;
        int n = 0, n_failed = 0;
    };

    void count(bool failed, TimePoint now);
    bool is_failing(TimePoint now) const;
    void open(TimePoint now, uint64_t dice);
    void close(TimePoint now);

    bool is_open_ = false;
    int n_openings_ = 0;          // since it was last closed
    int n_connect_failures_ = 0;  // one after the other
    bool is_probing_ = false;     // open: a request was let through to see
    TimePoint ask_again_{};       // open: when the next probe is due
    TimePoint ramp_begins_{};     // closed: when it closed; long ago at first
    TimePoint off_until_{};
    std::array<Bucket, kBuckets> buckets_;
};

std::string_view to_string(Breaker::State state);

}  // namespace routing
