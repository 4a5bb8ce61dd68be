#pragma once
// What an attempt says of its endpoint, for the requests that come.
#include "gateway/chat/attempt.h"
#include "gateway/chat/chat_relay.h"

namespace gateway {

struct AttemptTimes {
    TimePoint began, first_event, ended;  // first_event: none, if nothing came
};

struct AttemptNote {
    const AttemptEnd& end;
    const AttemptTimes& times;
    int64_t n_output_tokens;
    bool ended_by_us;
};

// Tells the endpoint's health, and the log if it went up or down with that.
void note_health(RelayServices& services, const Snapshot& snapshot, size_t endpoint,
                 const AttemptNote& note);

}  // namespace gateway
