#include "routing/breaker.h"

#include <algorithm>

namespace routing {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kConnectFailures = 5;
constexpr int kAttemptsMin = 20;
constexpr milliseconds kOpenMin{5'000};
constexpr milliseconds kOpenMax{60'000};
// A probe that has not come back by then is followed by another.
constexpr milliseconds kProbe{10'000};
constexpr milliseconds kRamp{10'000};
constexpr int64_t kRampShareMin = 10;  // per cent

int64_t second_of(Breaker::TimePoint at) {
    return std::chrono::duration_cast<seconds>(at.time_since_epoch()).count();
}

// Half of the time to one and a half of it.
milliseconds jittered(milliseconds time, uint64_t dice) {
    const auto range = static_cast<uint64_t>(time.count());
    return time / 2 + milliseconds(static_cast<int64_t>(dice % (range + 1)));
}

}  // namespace

bool Breaker::admits(TimePoint now, uint64_t dice) {
    if (now < off_until_) return false;
    if (is_open_) {
        if (now < ask_again_) return false;
        is_probing_ = true;
        ask_again_ = now + kProbe;
        return true;
    }
    const auto back = std::chrono::duration_cast<milliseconds>(now - ramp_begins_);
    if (ramp_begins_ == TimePoint{} || back >= kRamp) return true;
    const int64_t share = std::max(kRampShareMin, back.count() * 100 / kRamp.count());
    return static_cast<int64_t>(dice % 100) < share;
}

bool Breaker::note(Result result, TimePoint now, uint64_t dice) {
    const bool failed = result != Result::success;
    if (is_open_) {
        if (!is_probing_) return false;  // under way when it opened: tells nothing new
        if (failed)
            open(now, dice);
        else
            close(now);
        return !failed;
    }
    n_connect_failures_ = result == Result::connect_failure ? n_connect_failures_ + 1 : 0;
    count(failed, now);
    if (n_connect_failures_ < kConnectFailures && !is_failing(now)) return false;
    open(now, dice);
    return true;
}

void Breaker::hold_off(TimePoint now, milliseconds pause) {
    off_until_ = std::max(off_until_, now + std::clamp(pause, milliseconds(0), kOpenMax));
}

Breaker::State Breaker::state(TimePoint now) const {
    if (is_open_) return is_down(now) ? State::open : State::half_open;
    if (now < off_until_) return State::paused;
    const bool is_back = ramp_begins_ == TimePoint{} || now - ramp_begins_ >= kRamp;
    return is_back ? State::closed : State::recovering;
}

std::string_view to_string(Breaker::State state) {
    switch (state) {
        case Breaker::State::closed:
            return "closed";
        case Breaker::State::open:
            return "open";
        case Breaker::State::half_open:
            return "half_open";
        case Breaker::State::recovering:
            return "recovering";
        case Breaker::State::paused:
            return "paused";
    }
    return "";
}

void Breaker::count(bool failed, TimePoint now) {
    const int64_t second = second_of(now);
    Bucket& bucket = buckets_[static_cast<size_t>(second) % kBuckets];
    if (bucket.second != second) bucket = {second, 0, 0};
    ++bucket.n;
    if (failed) ++bucket.n_failed;
}

bool Breaker::is_failing(TimePoint now) const {
    const int64_t first = second_of(now) - static_cast<int64_t>(kBuckets) + 1;
    int n = 0;
    int n_failed = 0;
    for (const Bucket& bucket : buckets_) {
        if (bucket.second < first) continue;
        n += bucket.n;
        n_failed += bucket.n_failed;
    }
    return n >= kAttemptsMin && n_failed * 2 >= n;
}

void Breaker::open(TimePoint now, uint64_t dice) {
    is_open_ = true;
    is_probing_ = false;
    const milliseconds wait = std::min(kOpenMax, kOpenMin * (1 << std::min(n_openings_, 10)));
    ++n_openings_;
    ask_again_ = now + std::min(kOpenMax, jittered(wait, dice));
}

void Breaker::close(TimePoint now) {
    *this = Breaker();
    ramp_begins_ = now;
}

}  // namespace routing
