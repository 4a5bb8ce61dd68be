#pragma once
// Who waits for a place in the batch. Owners take turns, first come first served within one: a
// heavy owner's queue does not stand in front of a light one's request.
#include <cstdint>
#include <deque>
#include <list>
#include <memory>

#include "engine/scheduler/sequence.h"

namespace engine {

// Guarded by the scheduler's mutex.
class WaitingQueue {
public:
    void push(std::unique_ptr<Sequence> sequence);
    void put_back(std::unique_ptr<Sequence> sequence);  // to be the next
    const Sequence* next() const;                       // the next in turn; null if nobody waits
    std::unique_ptr<Sequence> pop();                    // takes it
    std::unique_ptr<Sequence> take(SequenceId id);      // null if it does not wait
    int n() const { return n_; }

private:
    struct Owner {
        uint64_t id;
        std::deque<std::unique_ptr<Sequence>> sequences;  // never empty
    };

    std::list<Owner> owners_;  // the front has its turn
    int n_ = 0;
};

}  // namespace engine
