#pragma once
#include "billing/desk.h"

namespace billing {

// What becomes of entries that could not be written, in their order. Who may still be told "no" is
// told so and undone: RESERVE, and the entries of administration. What was given out stays until
// the disk takes it: SETTLE, RELEASE, disabled keys, and the names, prices and attributions that
// others refer to. Checkpoints and roll-ups fall: others follow. The end of a request whose RESERVE
// falls here falls with it: there is nothing left to end.
struct Triage {
    struct Answer {
        CommitWaiter* waiter;
        bool is_durable;
    };
    std::vector<Pending> kept;
    std::vector<Answer> answers;  // to be given without the lock
};
// Undoes holds and charges in `book`.
Triage triage(std::vector<Pending> unwritten, Book& book);

}  // namespace billing
