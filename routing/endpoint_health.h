#pragma once
// What is known of one endpoint from the attempts made there: its breaker, how fast it answers, how
// many attempts run. Outlives reloads of the config.
//
// Threads: any; a lock of its own, held for a few instructions.
#include <mutex>
#include <optional>

#include "config/config.h"
#include "routing/breaker.h"

namespace routing {

struct EndpointSight {
    bool is_up = true;
    Breaker::State breaker = Breaker::State::closed;
    int n_running = 0;
    // Means that forget: 0 as long as nothing is known, and again when the last is a minute old.
    double first_token_s = 0;
    double tokens_per_s = 0;
};

// How an attempt ended. Durations 0: not measured.
struct AttemptOutcome {
    std::optional<config::FailureClass> failure;  // nothing: it answered
    bool says_nothing = false;  // cut off by us, or refused before anything was sent
    std::optional<std::chrono::milliseconds> retry_after;
    std::chrono::nanoseconds first_token{0}, total{0};
    int64_t n_output_tokens = 0;
};

class EndpointHealth {
public:
    using TimePoint = Breaker::TimePoint;

    // For a request that is being planned: it may be the one that an open breaker lets through.
    EndpointSight look(TimePoint now, uint64_t dice);
    // The same for one that will not be tried.
    EndpointSight peek(TimePoint now) const;
    bool is_up(TimePoint now) const;  // as far as is known

    void begin();
    // True: it went up or down with this.
    bool end(const AttemptOutcome& outcome, TimePoint now, uint64_t dice);

private:
    EndpointSight sight(TimePoint now) const;
    void measure(const AttemptOutcome& outcome, TimePoint now);

    mutable std::mutex mutex_;
    Breaker breaker_;
    int n_running_ = 0;
    double first_token_s_ = 0, tokens_per_s_ = 0;
    TimePoint measured_{};
};

}  // namespace routing
