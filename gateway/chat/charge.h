#pragma once
// Who pays what when a request has ended: the table of design section 5 as pure functions.
#include "billing/billing.h"
#include "gateway/api/api_error.h"
#include "gateway/chat/attempt.h"
#include "gateway/telemetry/metrics.h"

namespace gateway {

// What was held for an attempt, and what it delivered.
struct AttemptFacts {
    bool is_engine = false;
    bool client_gone = false;
    int64_t n_prompt_estimate = 0;  // a likely count, for usage that nobody stated
    int64_t n_prompt_held = 0;      // the bounds that the hold was computed from
    int64_t n_output_held = 0;      // all choices together
    int64_t n_text_bytes = 0;       // of the answer, as far as it came
    int64_t n_reasoning_bytes = 0;  // of n_text_bytes
};

struct Charge {
    bool settles = false;  // false: the hold is released, nothing is charged
    billing::TokenCounts tokens;
    billing::CountSource source = billing::CountSource::engine;
    std::optional<billing::TokenCounts> upstream_tokens;  // as stated, before any clamp
    billing::Outcome outcome = billing::Outcome::internal;
    uint32_t flags = billing::flag_none;
};

// complete: as given / usage missing: our count, flagged / usage 0 stated: 0, flagged / failed:
// nothing / client gone before anything was sent: nothing / client gone once dispatched: prompt and
// produced output.
Charge charge_for(const AttemptEnd& end, const AttemptFacts& facts);

// The attempt as the operator pays for it, its instants left open. The endpoint and the price are
// borrowed, here and below. An upstream that refused has done nothing; one that failed later, or
// stated no usage or an impossible one, is paid by our count.
billing::AttemptRecord record_of(const AttemptEnd& end, const AttemptFacts& facts,
                                 const config::Endpoint& endpoint,
                                 const billing::AppliedPrice& price);

// What a request comes to, and how far one has come; instants, attempts and answer left open.
billing::Settlement settlement_of(const Charge& charge, const config::Endpoint& endpoint,
                                  const billing::AppliedPrice& price);
billing::Checkpoint checkpoint_of(const AttemptFacts& facts, const config::Endpoint& endpoint,
                                  const billing::AppliedPrice& price);

void note_charge(RequestRecord& record, const Charge& charge);

// What the attempt has delivered so far, by our count.
billing::TokenCounts counted_tokens(const AttemptFacts& facts);

// Disjoint classes out of a stated usage, each clamped to what is possible and to what is held;
// `clamped` says whether anything had to be.
billing::TokenCounts token_counts(const Usage& usage, int64_t n_prompt_max, int64_t n_output_max,
                                  bool& clamped);

// What was charged, as a usage to be told: the inverse of token_counts().
Usage usage_of(const billing::TokenCounts& tokens);

// How a request ends that is answered with this error.
billing::Outcome outcome_of(const ApiError& error);

// About four bytes of text are one token; a non-empty text is at least one.
int64_t estimate_tokens(int64_t n_bytes);

}  // namespace gateway
