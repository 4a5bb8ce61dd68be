// The part of scheduler.h that decides who is in the batch.
#include <algorithm>
#include <numeric>

#include "config/ensure.h"
#include "engine/scheduler/scheduler.h"

namespace engine {
namespace {

bool is_batch(const Sequence& sequence) {
    return sequence.terms.priority == Priority::batch;
}

int64_t batch_bytes(const std::vector<std::unique_ptr<Sequence>>& sequences) {
    return std::accumulate(sequences.begin(), sequences.end(), int64_t{0},
                           [](int64_t sum, const auto& sequence) {
                               return sum + (is_batch(*sequence) ? sequence->kv_bytes : 0);
                           });
}

}  // namespace

WaitingQueue& Scheduler::line(Priority priority) {
    return waiting_[static_cast<size_t>(priority)];
}

const WaitingQueue& Scheduler::line(Priority priority) const {
    return waiting_[static_cast<size_t>(priority)];
}

// Under mutex_, as all of the below.
void Scheduler::count_waiting() {
    n_waiting_.store(line(Priority::interactive).n() + line(Priority::batch).n(),
                     std::memory_order_relaxed);
}

bool Scheduler::has_bytes(const Sequence& next) const {
    return next.kv_bytes <= config_.kv_bytes_max - kv_bytes_;
}

// Whether an interactive sequence fits once those of batch priority make room.
bool Scheduler::may_come_in(const Sequence& next) const {
    const int64_t n_yielding = batch_bytes(live_) + batch_bytes(aside_);
    const bool has_place =
        !free_places_.empty() ||
        std::any_of(live_.begin(), live_.end(), [](const Owned& live) { return is_batch(*live); });
    return has_place && next.kv_bytes <= config_.kv_bytes_max - (kv_bytes_ - n_yielding);
}

// Whether admit_waiting() would change anything.
bool Scheduler::admits() const {
    if (const Sequence* next = line(Priority::interactive).next()) return may_come_in(*next);
    if (free_places_.empty()) return false;
    const Sequence* next = line(Priority::batch).next();
    return !aside_.empty() || (next != nullptr && has_bytes(*next));
}

// Interactive sequences first. Nobody overtakes one that waits for bytes.
void Scheduler::admit_waiting() {
    while (admits()) {
        if (const Sequence* next = line(Priority::interactive).next()) {
            make_room(*next);
            admit(line(Priority::interactive).pop());
        } else if (!aside_.empty()) {
            take_up_first();
        } else {
            admit(line(Priority::batch).pop());
        }
    }
    count_waiting();
}

void Scheduler::admit(Owned sequence) {
    kv_bytes_ += sequence->kv_bytes;
    enter(std::move(sequence));
}

void Scheduler::enter(Owned sequence) {
    sequence->place = free_places_.back();
    free_places_.pop_back();
    live_.push_back(std::move(sequence));
}

// The last to come in go first: they lose the least.
void Scheduler::make_room(const Sequence& next) {
    while (!has_bytes(next)) evict_last();
    if (free_places_.empty()) set_aside_last();
}

Scheduler::Owned Scheduler::leave_last() {
    const auto last = std::find_if(live_.rbegin(), live_.rend(),
                                   [](const Owned& live) { return is_batch(*live); });
    ENSURE(last != live_.rend());
    Owned sequence = std::move(*last);
    live_.erase(std::next(last).base());
    free_places_.push_back(sequence->place);
    return sequence;
}

void Scheduler::set_aside_last() {
    Owned sequence = leave_last();
    decoder_.set_aside(sequence->place, sequence->id.n);
    sequence->place = -1;
    aside_.push_back(std::move(sequence));
}

void Scheduler::take_up_first() {
    Owned sequence = std::move(aside_.front());
    aside_.erase(aside_.begin());
    const uint64_t name = sequence->id.n;
    enter(std::move(sequence));
    decoder_.take_up(name, live_.back()->place);
}

// Its KV is given up and computed again when its turn comes.
void Scheduler::evict_last() {
    Owned sequence;
    if (!aside_.empty()) {
        sequence = std::move(aside_.back());
        aside_.pop_back();
        decoder_.drop(sequence->id.n);
    } else {
        sequence = leave_last();
        decoder_.clear(sequence->place);
    }
    kv_bytes_ -= sequence->kv_bytes;
    n_evictions_.fetch_add(1, std::memory_order_relaxed);
    sequence->restart();
    line(Priority::batch).put_back(std::move(sequence));
}

}  // namespace engine
