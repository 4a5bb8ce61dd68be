#include "gateway/chat/charge.h"

#include <algorithm>

namespace gateway {

namespace {

using billing::Outcome;

// Cuts a stated figure to [0, max] and remembers that it had to.
int64_t clamp_to(int64_t stated, int64_t max, bool& clamped) {
    const int64_t value = std::clamp<int64_t>(stated, 0, max);
    if (value != stated) clamped = true;
    return value;
}

Outcome outcome_of(std::string_view finish_reason) {
    if (finish_reason == "length") return Outcome::length;
    if (finish_reason == "tool_calls") return Outcome::tool_calls;
    if (finish_reason == "content_filter") return Outcome::content_filter;
    return Outcome::ok;
}

Outcome outcome_of(config::FailureClass failure) {
    using config::FailureClass;
    switch (failure) {
        case FailureClass::caller_fault:
        case FailureClass::content_policy:
        case FailureClass::context_exceeded:
            return Outcome::caller_error;
        case FailureClass::rate_limit:
            return Outcome::rate_limit;
        case FailureClass::timeout_idle:
        case FailureClass::cut:
        case FailureClass::malformed:
            return Outcome::cut;
        case FailureClass::credential:
        case FailureClass::quota:
        case FailureClass::model_gone:
        case FailureClass::overloaded:
        case FailureClass::server_error:
        case FailureClass::connect:
        case FailureClass::timeout_ttft:
            return Outcome::upstream_error;
    }
    return Outcome::internal;
}

// Failures that come instead of an answer, before any work on one.
bool is_refusal(config::FailureClass failure) {
    using config::FailureClass;
    switch (failure) {
        case FailureClass::credential:
        case FailureClass::quota:
        case FailureClass::model_gone:
        case FailureClass::rate_limit:
        case FailureClass::overloaded:
        case FailureClass::server_error:
        case FailureClass::connect:
        case FailureClass::caller_fault:
        case FailureClass::content_policy:
        case FailureClass::context_exceeded:
            return true;
        case FailureClass::timeout_ttft:
        case FailureClass::timeout_idle:
        case FailureClass::cut:
        case FailureClass::malformed:
            break;
    }
    return false;
}

// As it came, before any clamp.
billing::TokenCounts stated_counts(const Usage& stated) {
    return {stated.n_prompt - stated.n_cache_read - stated.n_cache_write, stated.n_cache_read,
            stated.n_cache_write, stated.n_output - stated.n_reasoning, stated.n_reasoning};
}

billing::AttemptOutcome outcome_of(const AttemptEnd& end) {
    switch (end.kind) {
        case AttemptEnd::Kind::complete:
            return billing::AttemptOutcome::complete;
        case AttemptEnd::Kind::cancelled:
            return billing::AttemptOutcome::cancelled;
        case AttemptEnd::Kind::failed:
            break;
    }
    return billing::failed_as(end.failure);
}

bool states_nothing(const Usage& usage) {
    return usage.n_prompt == 0 && usage.n_output == 0;
}

}  // namespace

Outcome outcome_of(const ApiError& error) {
    if (error.status == 429)
        return error.code == "insufficient_quota" ? Outcome::quota : Outcome::rate_limit;
    return error.status < 500 ? Outcome::caller_error : Outcome::internal;
}

int64_t estimate_tokens(int64_t n_bytes) {
    return (std::max<int64_t>(n_bytes, 0) + 3) / 4;
}

billing::TokenCounts counted_tokens(const AttemptFacts& facts) {
    billing::TokenCounts tokens;
    const int64_t n_output = std::min(estimate_tokens(facts.n_text_bytes), facts.n_output_held);
    tokens.input_uncached = std::min(facts.n_prompt_estimate, facts.n_prompt_held);
    tokens.output_reasoning = std::min(estimate_tokens(facts.n_reasoning_bytes), n_output);
    tokens.output_answer = n_output - tokens.output_reasoning;
    return tokens;
}

billing::TokenCounts token_counts(const Usage& usage, int64_t n_prompt_max, int64_t n_output_max,
                                  bool& clamped) {
    const int64_t n_prompt = clamp_to(usage.n_prompt, n_prompt_max, clamped);
    const int64_t n_output = clamp_to(usage.n_output, n_output_max, clamped);
    billing::TokenCounts counts;
    counts.cache_read = clamp_to(usage.n_cache_read, n_prompt, clamped);
    counts.cache_write = clamp_to(usage.n_cache_write, n_prompt - counts.cache_read, clamped);
    counts.input_uncached = n_prompt - counts.cache_read - counts.cache_write;
    counts.output_reasoning = clamp_to(usage.n_reasoning, n_output, clamped);
    counts.output_answer = n_output - counts.output_reasoning;
    return counts;
}

Usage usage_of(const billing::TokenCounts& tokens) {
    Usage usage;
    usage.n_prompt = tokens.input_uncached + tokens.cache_read + tokens.cache_write;
    usage.n_cache_read = tokens.cache_read;
    usage.n_cache_write = tokens.cache_write;
    usage.n_output = tokens.output_answer + tokens.output_reasoning;
    usage.n_reasoning = tokens.output_reasoning;
    return usage;
}

Charge charge_for(const AttemptEnd& end, const AttemptFacts& facts) {
    Charge charge;
    if (end.kind == AttemptEnd::Kind::failed) {
        charge.outcome = facts.client_gone ? Outcome::client_gone : outcome_of(end.failure);
        return charge;
    }
    if (end.is_unsent) {
        charge.outcome = Outcome::client_gone;
        return charge;
    }
    charge.settles = true;
    charge.outcome = facts.client_gone || end.kind == AttemptEnd::Kind::cancelled
                         ? Outcome::client_gone
                         : outcome_of(end.finish_reason);
    if (!end.usage) {
        charge.source = billing::CountSource::counted;
        charge.flags |= billing::flag_estimated;
        charge.tokens = counted_tokens(facts);
        return charge;
    }
    charge.source = end.source;
    bool clamped = false;
    charge.tokens = token_counts(*end.usage, facts.n_prompt_held, facts.n_output_held, clamped);
    if (clamped) charge.flags |= billing::flag_usage_clamped;
    if (!facts.is_engine) {
        if (states_nothing(*end.usage)) charge.flags |= billing::flag_usage_zero;
        charge.upstream_tokens = stated_counts(*end.usage);
    }
    return charge;
}

void note_charge(RequestRecord& record, const Charge& charge) {
    record.tokens = charge.tokens;
    record.source = charge.source;
    record.flags = charge.flags;
    record.upstream_tokens = charge.upstream_tokens;
}

billing::Settlement settlement_of(const Charge& charge, const config::Endpoint& endpoint,
                                  const billing::AppliedPrice& price) {
    billing::Settlement settlement;
    settlement.endpoint = endpoint.name;
    settlement.model = endpoint.model;
    settlement.price = &price;
    settlement.tokens = charge.tokens;
    settlement.source = charge.source;
    settlement.upstream_tokens = charge.upstream_tokens;
    settlement.outcome = charge.outcome;
    settlement.flags = charge.flags;
    return settlement;
}

billing::Checkpoint checkpoint_of(const AttemptFacts& facts, const config::Endpoint& endpoint,
                                  const billing::AppliedPrice& price) {
    billing::Checkpoint reached;
    reached.endpoint = endpoint.name;
    reached.model = endpoint.model;
    reached.price = &price;
    reached.tokens = counted_tokens(facts);
    return reached;
}

billing::AttemptRecord record_of(const AttemptEnd& end, const AttemptFacts& facts,
                                 const config::Endpoint& endpoint,
                                 const billing::AppliedPrice& price) {
    billing::AttemptRecord record;
    record.endpoint = endpoint.name;
    record.model = endpoint.model;
    record.price = &price;
    record.outcome = outcome_of(end);
    record.upstream_request = end.upstream_request;
    bool is_impossible = false;
    if (facts.is_engine && end.usage) {
        record.source = end.source;
        record.tokens =
            token_counts(*end.usage, facts.n_prompt_held, facts.n_output_held, is_impossible);
        return record;
    }
    const bool is_refused = end.is_unsent || (end.kind == AttemptEnd::Kind::failed &&
                                              is_refusal(end.failure) && facts.n_text_bytes == 0);
    if (!is_refused) record.tokens = counted_tokens(facts);
    if (!end.usage) return record;
    record.upstream_tokens = stated_counts(*end.usage);
    (void)token_counts(*end.usage, facts.n_prompt_held, facts.n_output_held, is_impossible);
    if (!is_impossible) record.source = end.source;
    return record;
}

}  // namespace gateway
