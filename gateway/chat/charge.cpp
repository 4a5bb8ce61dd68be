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

bool states_nothing(const Usage& usage) {
    return usage.n_prompt == 0 && usage.n_output == 0;
}

}  // namespace

int64_t estimate_tokens(int64_t n_bytes) {
    return (std::max<int64_t>(n_bytes, 0) + 3) / 4;
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

Charge charge_for(const AttemptEnd& end, const AttemptFacts& facts) {
    Charge charge;
    if (end.kind == AttemptEnd::Kind::failed) {
        charge.outcome = facts.client_gone ? Outcome::client_gone : outcome_of(end.failure);
        return charge;
    }
    charge.settles = true;
    charge.outcome = facts.client_gone || end.kind == AttemptEnd::Kind::cancelled
                         ? Outcome::client_gone
                         : outcome_of(end.finish_reason);
    if (!end.usage) {
        charge.source = billing::CountSource::counted;
        charge.flags |= billing::flag_estimated;
        const int64_t n_output = std::min(estimate_tokens(facts.n_text_bytes), facts.n_output_held);
        charge.tokens.input_uncached = std::min(facts.n_prompt_estimate, facts.n_prompt_held);
        charge.tokens.output_reasoning =
            std::min(estimate_tokens(facts.n_reasoning_bytes), n_output);
        charge.tokens.output_answer = n_output - charge.tokens.output_reasoning;
        return charge;
    }
    charge.source = end.source;
    bool clamped = false;
    charge.tokens = token_counts(*end.usage, facts.n_prompt_held, facts.n_output_held, clamped);
    if (clamped) charge.flags |= billing::flag_usage_clamped;
    if (!facts.is_engine) {
        if (states_nothing(*end.usage)) charge.flags |= billing::flag_usage_zero;
        const Usage& stated = *end.usage;
        charge.upstream_tokens = billing::TokenCounts{
            stated.n_prompt - stated.n_cache_read - stated.n_cache_write, stated.n_cache_read,
            stated.n_cache_write, stated.n_output - stated.n_reasoning, stated.n_reasoning};
    }
    return charge;
}

}  // namespace gateway
