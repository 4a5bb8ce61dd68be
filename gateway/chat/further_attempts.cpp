#include "gateway/chat/further_attempts.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "routing/retry_budget.h"

namespace gateway {

namespace {

// What the official clients send with a request that they send again.
int n_client_retries(const RelayRequest& request) {
    int n = 0;
    for (const auto& [name, value] : request.headers) {
        if (name == "x-stainless-retry-count")
            std::from_chars(value.data(), value.data() + value.size(), n);
    }
    return n;
}

// Null of an engine.
routing::RetryBudget* budget_of(const Snapshot& snapshot, const PlannedStep& step) {
    const auto& upstream = snapshot.config->endpoints[step.attempt.endpoint].upstream;
    return upstream ? snapshot.budgets[*upstream].get() : nullptr;
}

}  // namespace

FurtherAttempts::FurtherAttempts(RelayServices& services, const RelayRequest& request,
                                 const ChatPlan& plan)
    : services_(services), request_(request), plan_(plan) {
    if (auto* const budget = budget_of(*request.snapshot, plan.steps.front()))
        budget->note_request(std::chrono::steady_clock::now());
}

asio::awaitable<bool> FurtherAttempts::next(size_t& step, const AttemptEnd& end) {
    if (const auto other = fall_back_from(step, end.failure)) {
        step = *other;
        co_return true;
    }
    const auto pause = pause_of(step, end);
    if (!pause) co_return false;
    ++n_retries_;
    timer_.emplace(services_.io, *pause);
    const auto waited = asio::as_tuple(asio::use_awaitable);
    co_await timer_->async_wait(waited);
    timer_.reset();
    co_return !services_.ending;
}

void FurtherAttempts::stop_waiting() {
    if (timer_) timer_->cancel();
}

bool FurtherAttempts::may_retry(size_t step, std::chrono::steady_clock::time_point now) {
    auto* const budget = budget_of(*request_.snapshot, plan_.steps[step]);
    if (!budget) return true;
    const bool granted = budget->take(now);
    const size_t endpoint = plan_.steps[step].attempt.endpoint;
    request_.snapshot->metrics->retry(endpoint, granted);
    return granted;
}

// An endpoint that is down is tried again, as it were: others have failed there just now.
std::optional<size_t> FurtherAttempts::fall_back_from(size_t step, config::FailureClass failure) {
    const config::Config& config = *request_.snapshot->config;
    if (n_retries_ > 0 || !routing::falls_back(config.routes[plan_.route], failure)) return {};
    const auto now = std::chrono::steady_clock::now();
    while (++step < plan_.steps.size()) {
        if (!plan_.steps[step].is_up) {
            if (may_retry(step, now)) return step;
            continue;
        }
        if (auto* const budget = budget_of(*request_.snapshot, plan_.steps[step]))
            budget->note_fall_back(now);
        return step;
    }
    return {};
}

std::optional<std::chrono::milliseconds> FurtherAttempts::pause_of(size_t step,
                                                                   const AttemptEnd& end) {
    const config::Config& config = *request_.snapshot->config;
    const config::Route& route = config.routes[plan_.route];
    const bool is_engine = !budget_of(*request_.snapshot, plan_.steps[step]);
    if (route.n_retries_max == 0 || is_engine) return {};
    const routing::FailedRequest failed{end.failure, end.retry_after, n_retries_,
                                        n_client_retries(request_)};
    const auto pause = routing::retry_pause(failed, route, services_.dice());
    const auto now = std::chrono::steady_clock::now();
    const TimePoint deadline = request_.received + config.limits.request_timeout;
    if (!pause || now + *pause >= deadline || !may_retry(step, now)) return {};
    return pause;
}

}  // namespace gateway
