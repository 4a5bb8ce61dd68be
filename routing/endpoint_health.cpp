#include "routing/endpoint_health.h"

namespace routing {

namespace {

constexpr double kWeight = 0.2;  // of the newest in a mean
constexpr std::chrono::seconds kKnownFor{60};

double seconds_of(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

void fold(double& mean, double value) {
    mean = mean == 0 ? value : mean + kWeight * (value - mean);
}

// The caller's own faults are no fault of the endpoint's.
Breaker::Result result_of(const std::optional<config::FailureClass>& failure) {
    using config::FailureClass;
    if (!failure) return Breaker::Result::success;
    switch (*failure) {
        case FailureClass::caller_fault:
        case FailureClass::content_policy:
        case FailureClass::context_exceeded:
            return Breaker::Result::success;
        case FailureClass::connect:
            return Breaker::Result::connect_failure;
        case FailureClass::credential:
        case FailureClass::quota:
        case FailureClass::model_gone:
        case FailureClass::rate_limit:
        case FailureClass::overloaded:
        case FailureClass::server_error:
        case FailureClass::timeout_ttft:
        case FailureClass::timeout_idle:
        case FailureClass::cut:
        case FailureClass::malformed:
            break;
    }
    return Breaker::Result::failure;
}

}  // namespace

EndpointSight EndpointHealth::look(TimePoint now, uint64_t dice) {
    const std::lock_guard lock(mutex_);
    EndpointSight seen = sight(now);
    seen.is_up = breaker_.admits(now, dice);
    return seen;
}

EndpointSight EndpointHealth::peek(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return sight(now);
}

EndpointSight EndpointHealth::sight(TimePoint now) const {
    EndpointSight sight;
    sight.is_up = !breaker_.is_down(now);
    sight.breaker = breaker_.state(now);
    sight.n_running = n_running_;
    if (now - measured_ < kKnownFor) {
        sight.first_token_s = first_token_s_;
        sight.tokens_per_s = tokens_per_s_;
    }
    return sight;
}

bool EndpointHealth::is_up(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return !breaker_.is_down(now);
}

void EndpointHealth::begin() {
    const std::lock_guard lock(mutex_);
    ++n_running_;
}

bool EndpointHealth::end(const AttemptOutcome& outcome, TimePoint now, uint64_t dice) {
    const std::lock_guard lock(mutex_);
    --n_running_;
    if (outcome.says_nothing) return false;
    if (!outcome.failure) measure(outcome, now);
    if (outcome.failure && outcome.retry_after) breaker_.hold_off(now, *outcome.retry_after);
    return breaker_.note(result_of(outcome.failure), now, dice);
}

void EndpointHealth::measure(const AttemptOutcome& outcome, TimePoint now) {
    if (now - measured_ >= kKnownFor) first_token_s_ = tokens_per_s_ = 0;
    measured_ = now;
    if (outcome.first_token.count() > 0) fold(first_token_s_, seconds_of(outcome.first_token));
    const double writing = seconds_of(outcome.total - outcome.first_token);
    if (outcome.n_output_tokens > 1 && writing > 0)
        fold(tokens_per_s_, static_cast<double>(outcome.n_output_tokens) / writing);
}

}  // namespace routing
