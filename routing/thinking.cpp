#include "routing/thinking.h"

#include <algorithm>

#include "config/thinking_defaults.h"

namespace routing {

namespace {

using config::Effort;
using Action = config::ThinkingRule::Action;
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

std::string names_of(config::ParamSet params) {
    std::string names;
    for (size_t i = 0; i < config::kParamCount; ++i) {
        const auto param = static_cast<config::Param>(i);
        if (!params.has(param)) continue;
        names.append(names.empty() ? "" : ",").append(to_string(param));
    }
    return names;
}

std::string accepted_words(const config::ThinkingTable& table) {
    std::string words;
    for (size_t i = 0; i < config::kEffortCount; ++i) {
        if (table.efforts[i].action == Action::refuse) continue;
        const auto effort = static_cast<Effort>(i);
        words.append(words.empty() ? "" : ", ").append(to_string(effort));
    }
    return words;
}

// A budget as the endpoint's table takes it.
struct BudgetAsk {
    ThinkingAsk ask;       // the row to read
    int64_t n_tokens = 0;  // to be kept or sent on
    bool is_told = false;  // the client learns of another size
};

BudgetAsk budget_ask(const ThinkingAsk& ask, const config::ThinkingTable& table) {
    if (ask.kind != Kind::budget) return {ask};
    if (table.budget == config::BudgetRule::tier) {
        const Effort tier = config::tier_of_budget(ask.n_budget_tokens);
        return {{Kind::effort, tier, 0}, 0, true};
    }
    const int64_t n_tokens = std::max(ask.n_budget_tokens, table.n_budget_min);
    return {ask, n_tokens, n_tokens != ask.n_budget_tokens};
}

}  // namespace

Result<Thinking> effective_thinking(const ThinkingAsk& ask, const config::ThinkingTable& table,
                                    int64_t n_ctx) {
    if (ask.kind == Kind::budget && table.budget == config::BudgetRule::refuse) {
        return tl::make_unexpected(Error{
            Errc::budget_unsupported,
            "a thinking budget of " + word_for(ask) + " tokens, which nothing enforces there"});
    }
    const BudgetAsk budget = budget_ask(ask, table);
    const config::ThinkingRule& rule = rule_for(budget.ask, table);
    if (rule.action == Action::refuse) {
        return tl::make_unexpected(Error{
            Errc::tier_unsupported,
            "thinking " + word_for(ask) + " is refused there; it takes " + accepted_words(table)});
    }
    Thinking thinking;
    thinking.tier = rule.tier;
    thinking.is_sized = rule.action == Action::tier;
    thinking.send = rule.action != Action::omit || budget.n_tokens > 0;
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
            thinking.n_budget_tokens = budget.n_tokens;
            if (budget.is_told) thinking.degraded = Thinking::Reason::budget;
        }
    } else if (table.spelling == config::ThinkingSpelling::budget_tokens && thinking.send &&
               thinking.tier != Effort::none) {
        thinking.n_budget_tokens = config::budget_of_tier(thinking.tier);
        thinking.n_budget_floor = std::max<int64_t>(table.n_budget_min, 1);
    }
    return thinking;
}

Result<void> drop_params(Thinking& thinking, config::ParamSet asked,
                         const config::ThinkingTable& table) {
    const bool thinks = thinking.tier != Effort::none;
    const config::ParamSet rejected = thinks ? asked & table.rejected : config::ParamSet();
    if (rejected.any()) {
        return tl::make_unexpected(
            Error{Errc::param_unsupported, names_of(rejected) + " while it thinks"});
    }
    thinking.dropped = asked & (thinks ? table.ignored | table.fixed : table.fixed);
    return {};
}

Result<void> replay_reasoning(Thinking& thinking, Replayed replayed,
                              const config::ThinkingTable& table) {
    const bool is_free = table.replay == config::ReplayRule::free || thinking.tier == Effort::none;
    if (is_free || replayed == Replayed::whole) return {};
    if (replayed == Replayed::missing && table.replay == config::ReplayRule::required) {
        return tl::make_unexpected(
            Error{Errc::reasoning_missing, "tool calls without their reasoning"});
    }
    thinking.refills = true;
    thinking.is_made_up = replayed == Replayed::missing;
    return {};
}

Result<void> replay_signed(Thinking& thinking, bool is_missing,
                           const config::ThinkingTable& table) {
    if (!is_missing || thinking.tier == Effort::none) return {};
    if (table.replay == config::ReplayRule::required) {
        return tl::make_unexpected(
            Error{Errc::reasoning_missing, "tool calls without their signed reasoning"});
    }
    if (thinking.n_budget_tokens == 0) return {};
    thinking = Thinking();
    thinking.send = false;
    thinking.degraded = Thinking::Reason::unsupported;
    return {};
}

Result<void> fit_budget(Thinking& thinking, int64_t n_output_max, int64_t n_answer_min) {
    const int64_t floor = thinking.n_budget_floor;
    if (floor > 0 && thinking.n_budget_tokens > 0 && floor < n_output_max) {
        // A tier said as a budget: four fifths of a small limit are thought, as others do it.
        const int64_t n_most = std::max(floor, n_output_max / 5 * 4);
        if (thinking.n_budget_tokens > n_most) thinking.degraded = Thinking::Reason::budget;
        thinking.n_budget_tokens = std::min(thinking.n_budget_tokens, n_most);
        return {};
    }
    const int64_t asked = floor > 0 ? floor : thinking.n_budget_tokens;
    if (thinking.n_budget_tokens == 0) return {};
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
    if (thinking.degraded != Thinking::Reason::none)
        text += "; requested=" + word_for(ask) + "; reason=" + word_for(thinking.degraded);
    if (thinking.dropped.any()) text += "; dropped=" + names_of(thinking.dropped);
    if (thinking.is_made_up) text += "; filled=reasoning_content";
    return text;
}

ThinkingAsk default_ask(std::string_view word) {
    if (word == "on") return {Kind::on, Effort::none, 0};
    const auto effort = config::parse_effort(word);
    return effort ? ThinkingAsk{Kind::effort, *effort, 0} : ThinkingAsk{};
}

}  // namespace routing
