#include "engine/scheduler/waiting_queue.h"

#include <algorithm>

namespace engine {

void WaitingQueue::push(std::unique_ptr<Sequence> sequence) {
    auto owner = std::find_if(owners_.begin(), owners_.end(),
                              [&](const Owner& o) { return o.id == sequence->terms.owner; });
    if (owner == owners_.end()) owner = owners_.insert(owners_.end(), {sequence->terms.owner, {}});
    owner->sequences.push_back(std::move(sequence));
    ++n_;
}

void WaitingQueue::put_back(std::unique_ptr<Sequence> sequence) {
    auto owner = std::find_if(owners_.begin(), owners_.end(),
                              [&](const Owner& o) { return o.id == sequence->terms.owner; });
    if (owner == owners_.end())
        owner = owners_.insert(owners_.begin(), {sequence->terms.owner, {}});
    owners_.splice(owners_.begin(), owners_, owner);
    owner->sequences.push_front(std::move(sequence));
    ++n_;
}

const Sequence* WaitingQueue::next() const {
    return owners_.empty() ? nullptr : owners_.front().sequences.front().get();
}

std::unique_ptr<Sequence> WaitingQueue::pop() {
    if (owners_.empty()) return nullptr;
    Owner& owner = owners_.front();
    std::unique_ptr<Sequence> next = std::move(owner.sequences.front());
    owner.sequences.pop_front();
    --n_;
    if (owner.sequences.empty()) {
        owners_.pop_front();
    } else {
        owners_.splice(owners_.end(), owners_, owners_.begin());
    }
    return next;
}

std::unique_ptr<Sequence> WaitingQueue::take(SequenceId id) {
    for (auto owner = owners_.begin(); owner != owners_.end(); ++owner) {
        auto& sequences = owner->sequences;
        const auto found = std::find_if(sequences.begin(), sequences.end(),
                                        [id](const auto& s) { return s->id.n == id.n; });
        if (found == sequences.end()) continue;
        std::unique_ptr<Sequence> taken = std::move(*found);
        sequences.erase(found);
        --n_;
        if (sequences.empty()) owners_.erase(owner);
        return taken;
    }
    return nullptr;
}

}  // namespace engine
