#include "routing/thinking.h"

namespace routing {

namespace {

using config::Effort;
using Kind = ThinkingAsk::Kind;

const config::ThinkingRule& rule_for(const ThinkingAsk& ask, const config::ThinkingTable& table) {
    switch (ask.kind) {
        case Kind::effort:
            return table.efforts[static_cast<size_t>(ask.effort)];
        case Kind::on:
            return table.on;
        case Kind::absent:
        case Kind::budget:
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

// Above high a local encoding renders its strongest prefix, on either version.
bool needs_room(Effort tier) {
    return tier > Effort::high;
}

}  // namespace

Result<Thinking> effective_thinking(const ThinkingAsk& ask, const config::ThinkingTable& table,
                                    int64_t n_ctx) {
    if (ask.kind == Kind::budget) {
        return tl::make_unexpected(
            Error{Errc::budget_unsupported,
                  "a thinking budget of " + word_for(ask) + " tokens, which nothing enforces yet"});
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
    return thinking;
}

std::string describe(const ThinkingAsk& ask, const Thinking& thinking) {
    std::string text(to_string(thinking.tier));
    switch (thinking.degraded) {
        case Thinking::Reason::none:
            return text;
        case Thinking::Reason::unsupported:
            return text + "; requested=" + word_for(ask) + "; reason=unsupported";
        case Thinking::Reason::context:
            break;
    }
    return text + "; requested=" + word_for(ask) + "; reason=context";
}

}  // namespace routing
