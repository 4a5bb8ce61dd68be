#include "routing/thinking.h"

#include <algorithm>

namespace routing {

namespace {

using config::Effort;
using Kind = ThinkingAsk::Kind;

const config::ThinkingRule& rule_for(const ThinkingAsk& ask, const config::ThinkingTable& table) {
    switch (ask.kind) {
        case Kind::effort:
            return table.efforts[static_cast<size_t>(ask.effort)];
        case Kind::on:
        case Kind::budget:
            return table.on;
        case Kind::absent:
            break;
    }
    return table.absent;
}

std::string word_for(const ThinkingAsk& ask) {
    switch (ask.kind) {
        case Kind::effort:
            return std::string(to_string(ask.effort));
        case Kind::on:
            return "on";
        case Kind::budget:
            return std::to_string(ask.n_budget_tokens);
        case Kind::absent:
            break;
    }
    return "default";
}

std::string word_for(Thinking::Reason reason) {
    switch (reason) {
        case Thinking::Reason::unsupported:
            return "unsupported";
        case Thinking::Reason::context:
            return "context";
        case Thinking::Reason::budget:
            return "budget";
        case Thinking::Reason::none:
            break;
    }
    return "none";
}

// Above high a local encoding renders its strongest prefix, on either version.
bool needs_room(Effort tier) {
    return tier > Effort::high;
}

}  // namespace

Result<Thinking> effective_thinking(const ThinkingAsk& ask, const config::ThinkingTable& table,
                                    int64_t n_ctx) {
    if (ask.kind == Kind::budget && !table.takes_budget) {
        return tl::make_unexpected(Error{
            Errc::budget_unsupported,
            "a thinking budget of " + word_for(ask) + " tokens, which nothing enforces there"});
    }
    const config::ThinkingRule& rule = rule_for(ask, table);
    if (rule.action == config::ThinkingRule::Action::refuse) {
        return tl::make_unexpected(
            Error{Errc::tier_unsupported, "thinking " + word_for(ask) + " is refused there"});
    }
    Thinking thinking;
    thinking.tier = rule.tier;
    thinking.send = rule.action == config::ThinkingRule::Action::tier;
    if (needs_room(thinking.tier) && n_ctx < table.n_ctx_for_max) {
        thinking.tier = Effort::high;
        thinking.degraded = Thinking::Reason::context;
    } else if (ask.kind == Kind::effort && thinking.tier != ask.effort) {
        thinking.degraded = Thinking::Reason::unsupported;
    }
    if (ask.kind == Kind::budget) {
        if (thinking.tier == Effort::none) {
            thinking.degraded = Thinking::Reason::unsupported;
        } else {
            thinking.n_budget_tokens = ask.n_budget_tokens;
        }
    }
    return thinking;
}

Result<void> fit_budget(Thinking& thinking, int64_t n_output_max, int64_t n_answer_min) {
    const int64_t asked = thinking.n_budget_tokens;
    if (asked == 0) return {};
    if (asked >= n_output_max) {
        return tl::make_unexpected(
            Error{Errc::budget_too_large, "a thinking budget of " + std::to_string(asked) +
                                              " tokens in an output limit of " +
                                              std::to_string(n_output_max)});
    }
    thinking.n_budget_tokens = std::min(asked, std::max<int64_t>(n_output_max - n_answer_min, 1));
    if (thinking.n_budget_tokens < asked) thinking.degraded = Thinking::Reason::budget;
    return {};
}

std::string describe(const ThinkingAsk& ask, const Thinking& thinking) {
    std::string text(to_string(thinking.tier));
    if (thinking.n_budget_tokens > 0)
        text += "; budget=" + std::to_string(thinking.n_budget_tokens);
    if (thinking.degraded == Thinking::Reason::none) return text;
    return text + "; requested=" + word_for(ask) + "; reason=" + word_for(thinking.degraded);
}

}  // namespace routing
