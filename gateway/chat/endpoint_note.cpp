#include "gateway/chat/endpoint_note.h"

namespace gateway {

namespace {

routing::AttemptOutcome outcome_of(const AttemptNote& note, bool is_engine) {
    const AttemptEnd& end = note.end;
    const bool failed = end.kind == AttemptEnd::Kind::failed;
    // Our own bound, or an engine's queue, is no fault of the endpoint's; nor is a client's going.
    const bool is_ours = failed && end.failure == config::FailureClass::overloaded &&
                         (is_engine || end.upstream_status == 0);
    routing::AttemptOutcome outcome;
    if (failed) outcome.failure = end.failure;
    outcome.says_nothing = end.kind == AttemptEnd::Kind::cancelled || note.ended_by_us || is_ours;
    outcome.retry_after = end.retry_after;
    if (note.times.first_event != TimePoint())
        outcome.first_token = note.times.first_event - note.times.began;
    outcome.total = note.times.ended - note.times.began;
    outcome.n_output_tokens = note.n_output_tokens;
    return outcome;
}

}  // namespace

void note_health(RelayServices& services, const Snapshot& snapshot, size_t endpoint,
                 const AttemptNote& note) {
    routing::EndpointHealth& health = *snapshot.health[endpoint];
    const bool is_engine = snapshot.config->endpoints[endpoint].engine.has_value();
    if (!health.end(outcome_of(note, is_engine), note.times.ended, services.dice())) return;
    const bool is_up = health.is_up(note.times.ended);
    const std::string& name = snapshot.config->endpoints[endpoint].name;
    if (is_up) {
        services.log.info("endpoint_up", name + " answers again");
    } else {
        services.log.warn("endpoint_down", name + ": " +
                                               std::string(config::to_string(note.end.failure)) +
                                               "; others are tried before it for a while");
    }
}

}  // namespace gateway
