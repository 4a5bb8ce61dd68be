#include "routing/retry_budget.h"

#include <algorithm>

namespace routing {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPause{500};
constexpr milliseconds kRetryAfterMax{2'000};
constexpr milliseconds kSpread{250};
constexpr int kClientRetriesMax = 2;

int64_t whole_second_of(RetryBudget::TimePoint at) {
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

milliseconds up_to(milliseconds most, uint64_t dice) {
    return milliseconds(static_cast<int64_t>(dice % (static_cast<uint64_t>(most.count()) + 1)));
}

bool may_pass(config::FailureClass failure) {
    using config::FailureClass;
    switch (failure) {
        case FailureClass::connect:
        case FailureClass::rate_limit:
        case FailureClass::overloaded:
        case FailureClass::server_error:
            return true;
        case FailureClass::credential:
        case FailureClass::quota:
        case FailureClass::model_gone:
        case FailureClass::timeout_ttft:
        case FailureClass::timeout_idle:
        case FailureClass::cut:
        case FailureClass::malformed:
        case FailureClass::caller_fault:
        case FailureClass::content_policy:
        case FailureClass::context_exceeded:
            break;
    }
    return false;
}

}  // namespace

RetryBudget::Bucket& RetryBudget::bucket_at(TimePoint now) {
    const int64_t second = whole_second_of(now);
    Bucket& bucket = buckets_[static_cast<size_t>(second) % buckets_.size()];
    if (bucket.second != second) bucket = {second, 0, 0};
    return bucket;
}

RetryBudget::View RetryBudget::sum(TimePoint now) const {
    const int64_t first = whole_second_of(now) - kWindow.count() + 1;
    View view;
    for (const Bucket& bucket : buckets_) {
        if (bucket.second < first) continue;
        view.n_requests += bucket.n_requests;
        view.n_further += bucket.n_further;
    }
    return view;
}

int64_t RetryBudget::View::n_left() const {
    const int64_t n_max = std::max(kRetriesMin, n_requests * kPercent / 100);
    return std::max<int64_t>(0, n_max - n_further);
}

void RetryBudget::note_request(TimePoint now) {
    const std::lock_guard lock(mutex_);
    ++bucket_at(now).n_requests;
}

void RetryBudget::note_fall_back(TimePoint now) {
    const std::lock_guard lock(mutex_);
    ++bucket_at(now).n_further;
}

bool RetryBudget::take(TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (sum(now).n_left() == 0) return false;
    ++bucket_at(now).n_further;
    return true;
}

RetryBudget::View RetryBudget::view(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return sum(now);
}

std::optional<milliseconds> retry_pause(const FailedRequest& failed, const config::Route& route,
                                        uint64_t dice) {
    if (failed.n_retries >= route.n_retries_max) return {};
    if (failed.n_client_retries >= kClientRetriesMax || !may_pass(failed.failure)) return {};
    if (!failed.retry_after) return up_to(kPause * (1 << failed.n_retries), dice);
    if (*failed.retry_after > kRetryAfterMax) return {};
    return *failed.retry_after + up_to(kSpread, dice);
}

}  // namespace routing
