#include "routing/thinking.h"

#include <catch2/catch.hpp>

#include "config/thinking_defaults.h"

using namespace routing;
using config::Effort;
using config::Encoding;
using Kind = ThinkingAsk::Kind;

namespace {

constexpr int64_t kRoomy = 1'000'000;

const config::ThinkingTable& shipped(std::string_view name) {
    return config::shipped_thinking(name)->table;
}

ThinkingAsk effort(Effort word) {
    return {Kind::effort, word, 0};
}
const ThinkingAsk kOn{Kind::on, Effort::none, 0};
const ThinkingAsk kAbsent{Kind::absent, Effort::none, 0};

// The column as the reference prints it: what x-weir-reasoning says for each row, "-" where nothing
// is sent.
using Column = std::vector<std::string>;

Column column(const config::ThinkingTable& table, int64_t n_ctx) {
    Column cells;
    const auto add = [&](const ThinkingAsk& ask) {
        const auto thinking = effective_thinking(ask, table, n_ctx);
        REQUIRE(thinking.has_value());
        cells.push_back((thinking->send ? "" : "-") + describe(ask, *thinking));
    };
    for (size_t i = 0; i < config::kEffortCount; ++i) add(effort(static_cast<Effort>(i)));
    add(kOn);
    add(kAbsent);
    return cells;
}

}  // namespace

TEST_CASE("thinking: the column of the local preview encoding", "[routing]") {
    CHECK(column(config::local_thinking(Encoding::preview, Effort::high), kRoomy) ==
          Column{"none", "high; requested=minimal; reason=unsupported",
                 "high; requested=low; reason=unsupported",
                 "high; requested=medium; reason=unsupported", "high", "xhigh", "max", "high",
                 "high"});
}

TEST_CASE("thinking: the column of the local 0731 encoding", "[routing]") {
    CHECK(column(config::local_thinking(Encoding::v0731, Effort::high), kRoomy) ==
          Column{"none", "low; requested=minimal; reason=unsupported", "low",
                 "high; requested=medium; reason=unsupported", "high",
                 "high; requested=xhigh; reason=unsupported", "max", "high", "high"});
    const auto low = column(config::local_thinking(Encoding::v0731, Effort::low), kRoomy);
    CHECK(low[7] == "low");
    CHECK(low[8] == "low");
}

TEST_CASE("thinking: the column of the DeepSeek API", "[routing]") {
    CHECK(column(shipped("deepseek"), kRoomy) ==
          Column{"none", "low; requested=minimal; reason=unsupported", "low",
                 "high; requested=medium; reason=unsupported", "high",
                 "high; requested=xhigh; reason=unsupported", "max", "high", "-high"});
}

TEST_CASE("thinking: the column of gpt-5.5", "[routing]") {
    CHECK(column(shipped("gpt-5.5"), kRoomy) ==
          Column{"none", "low; requested=minimal; reason=unsupported", "low", "medium", "high",
                 "xhigh", "xhigh; requested=max; reason=unsupported", "medium", "-medium"});
}

TEST_CASE("thinking: an openai_compatible upstream is told every word", "[routing]") {
    CHECK(column(shipped("openai_compatible"), 1'000) ==
          Column{"none", "minimal", "low", "medium", "high", "xhigh", "max", "high", "-high"});
}

TEST_CASE("thinking: the strongest prefix needs room, from 393216 tokens on", "[routing]") {
    const auto preview = config::local_thinking(Encoding::preview, Effort::high);
    CHECK(column(preview, 393'215) == Column{"none", "high; requested=minimal; reason=unsupported",
                                             "high; requested=low; reason=unsupported",
                                             "high; requested=medium; reason=unsupported", "high",
                                             "high; requested=xhigh; reason=context",
                                             "high; requested=max; reason=context", "high",
                                             "high"});
    CHECK(column(preview, 393'216) == column(preview, kRoomy));
    const auto later = config::local_thinking(Encoding::v0731, Effort::max);
    CHECK(column(later, 393'215) ==
          Column{"none", "low; requested=minimal; reason=unsupported", "low",
                 "high; requested=medium; reason=unsupported", "high",
                 "high; requested=xhigh; reason=unsupported", "high; requested=max; reason=context",
                 "high; requested=on; reason=context", "high; requested=default; reason=context"});
    CHECK(column(later, 393'216)[8] == "max");
    // Tiers of an upstream never depend on the context.
    CHECK(column(shipped("gpt-5.5"), 10)[5] == "xhigh");
}

TEST_CASE("thinking: a refused row is an error, for that row alone", "[routing]") {
    auto table = shipped("gpt-5.5");
    table.efforts[0] = {config::ThinkingRule::Action::refuse, Effort::none};
    const auto off = effective_thinking(effort(Effort::none), table, kRoomy);
    REQUIRE_FALSE(off.has_value());
    CHECK(off.error().code == Errc::tier_unsupported);
    CHECK_THAT(off.error().detail, Catch::Contains("none"));
    CHECK(effective_thinking(effort(Effort::low), table, kRoomy).has_value());
    CHECK(effective_thinking(kAbsent, table, kRoomy).has_value());
}

TEST_CASE("thinking: a refused tier names those that are taken", "[routing]") {
    const auto off = effective_thinking(effort(Effort::none), shipped("gemini-3.1-pro"), kRoomy);
    REQUIRE_FALSE(off.has_value());
    CHECK_THAT(off.error().detail, Catch::EndsWith("minimal, low, medium, high, xhigh, max"));
}

TEST_CASE("thinking: a token budget is the tier that it comes to, and that is told", "[routing]") {
    const auto told = [](int64_t n_tokens, std::string_view name) {
        const ThinkingAsk budget{Kind::budget, Effort::none, n_tokens};
        const auto thinking = effective_thinking(budget, shipped(name), kRoomy);
        REQUIRE(thinking);
        CHECK(thinking->n_budget_tokens == 0);
        CHECK(thinking->is_degraded());
        return describe(budget, *thinking);
    };
    CHECK(told(1'024, "gpt-5.5") == "low; requested=1024; reason=budget");
    CHECK(told(4'096, "gpt-5.5") == "medium; requested=4096; reason=budget");
    CHECK(told(4'096, "deepseek") == "high; requested=4096; reason=budget");
    CHECK(told(1'000'000, "deepseek") == "high; requested=1000000; reason=budget");
    CHECK(told(1, "kimi-k2.6") == "high; requested=1; reason=budget");
    auto table = shipped("openai_compatible");
    table.budget = config::BudgetRule::refuse;
    const auto refused = effective_thinking({Kind::budget, Effort::none, 4'096}, table, kRoomy);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::budget_unsupported);
    CHECK_THAT(refused.error().detail, Catch::Contains("4096"));
}

TEST_CASE("thinking: a budget that is sent on is at least the model's least", "[routing]") {
    const auto told = [](int64_t n_tokens) {
        const ThinkingAsk budget{Kind::budget, Effort::none, n_tokens};
        auto thinking = effective_thinking(budget, shipped("claude-4.6"), kRoomy);
        REQUIRE(thinking);
        CHECK(thinking->send);
        CHECK(thinking->n_budget_tokens >= 1'024);
        REQUIRE(fit_budget(*thinking, 10'000, 1));
        return describe(budget, *thinking);
    };
    CHECK(told(5'000) == "high; budget=5000");
    CHECK(told(100) == "high; budget=1024; requested=100; reason=budget");
}

TEST_CASE("thinking: a tier that is said as a budget fits into the output limit", "[routing]") {
    const auto fitted = [](Effort word, int64_t n_output_max) {
        auto thinking = effective_thinking(effort(word), shipped("claude-4.5"), kRoomy);
        REQUIRE(thinking);
        const auto fits = fit_budget(*thinking, n_output_max, 1);
        return fits ? describe(effort(word), *thinking) : fits.error().detail;
    };
    CHECK(fitted(Effort::high, 20'481) == "high; budget=16384");
    CHECK(fitted(Effort::high, 10'000) == "high; budget=8000; requested=high; reason=budget");
    CHECK(fitted(Effort::low, 1'025) == "low; budget=1024");
    CHECK(fitted(Effort::low, 1'024) ==
          "a thinking budget of 1024 tokens in an output limit of 1024");
    CHECK(fitted(Effort::none, 10) == "none");
    CHECK(effective_thinking(kAbsent, shipped("claude-4.5"), kRoomy)->n_budget_tokens == 0);
}

TEST_CASE("thinking: parameters are dropped and told, or refused, while it thinks", "[routing]") {
    using config::Param;
    using config::ParamSet;
    const ParamSet asked(Param::temperature, Param::logit_bias, Param::n);
    const auto told = [&](Effort word, std::string_view name, ParamSet params) {
        auto thinking = effective_thinking(effort(word), shipped(name), kRoomy);
        const auto borne = drop_params(*thinking, params, shipped(name));
        CHECK(thinking->is_degraded() == thinking->dropped.any());
        return borne ? describe(effort(word), *thinking) : borne.error().detail;
    };
    CHECK(told(Effort::high, "gpt-5.5", asked) == "high; dropped=temperature,logit_bias");
    CHECK(told(Effort::none, "gpt-5.5", asked) == "none");
    CHECK(told(Effort::high, "glm-5.1", asked) == "high");
    CHECK(told(Effort::high, "kimi-k2.6", asked) == "n while it thinks");
    CHECK(told(Effort::none, "kimi-k2.6", asked) == "none; dropped=temperature");
    CHECK(told(Effort::low, "gpt-5.5", ParamSet(Param::logprobs)) == "logprobs while it thinks");
}

TEST_CASE("thinking: reasoning of earlier calls is demanded, made up or left alone", "[routing]") {
    const auto told = [](Effort word, Replayed replayed, config::ReplayRule rule) {
        auto table = shipped("deepseek");
        table.replay = rule;
        auto thinking = effective_thinking(effort(word), table, kRoomy);
        const auto done = replay_reasoning(*thinking, replayed, table);
        if (!done) return done.error().detail;
        CHECK(thinking->is_degraded() == thinking->is_made_up);
        return describe(effort(word), *thinking) + (thinking->refills ? " refills" : "");
    };
    using enum config::ReplayRule;
    CHECK(shipped("deepseek").replay == filled);
    CHECK(told(Effort::high, Replayed::missing, filled) ==
          "high; filled=reasoning_content refills");
    CHECK(told(Effort::high, Replayed::elsewhere, filled) == "high refills");
    CHECK(told(Effort::high, Replayed::whole, filled) == "high");
    CHECK(told(Effort::none, Replayed::missing, filled) == "none");
    CHECK(told(Effort::high, Replayed::missing, required) == "tool calls without their reasoning");
    CHECK(told(Effort::high, Replayed::elsewhere, required) == "high refills");
    CHECK(told(Effort::none, Replayed::missing, required) == "none");
    CHECK(told(Effort::high, Replayed::missing, free) == "high");
}

TEST_CASE("thinking: signed reasoning that is gone ends a budget, not what does without it",
          "[routing]") {
    const auto told = [](const ThinkingAsk& ask, const char* table_name, config::ReplayRule rule) {
        auto table = shipped(table_name);
        table.replay = rule;
        auto thinking = effective_thinking(ask, table, kRoomy);
        const auto done = replay_signed(*thinking, true, table);
        return done ? describe(ask, *thinking) : done.error().detail;
    };
    using enum config::ReplayRule;
    CHECK(told(effort(Effort::low), "claude-4.5", free) ==
          "none; requested=low; reason=unsupported");
    CHECK(told({Kind::budget, Effort::none, 5'000}, "claude-4.6", free) ==
          "none; requested=5000; reason=unsupported");
    CHECK(told(effort(Effort::low), "claude-4.6", free) == "low");
    CHECK(told(effort(Effort::none), "claude-4.5", free) == "none");
    CHECK(told(effort(Effort::low), "claude-4.6", required) ==
          "tool calls without their signed reasoning");
    auto thinking = effective_thinking(effort(Effort::low), shipped("claude-4.5"), kRoomy);
    REQUIRE(replay_signed(*thinking, false, shipped("claude-4.5")));
    CHECK(thinking->n_budget_tokens == 1'024);
}

TEST_CASE("thinking: what a route asks for in place of the client", "[routing]") {
    CHECK(default_ask("").kind == Kind::absent);
    CHECK(default_ask("on").kind == Kind::on);
    CHECK(default_ask("none").kind == Kind::effort);
    CHECK(default_ask("max").effort == Effort::max);
}

TEST_CASE("thinking: an engine keeps a token budget, in its default tier", "[routing]") {
    const ThinkingAsk budget{Kind::budget, Effort::none, 4'096};
    for (const Effort tier : {Effort::low, Effort::high}) {
        auto thinking =
            effective_thinking(budget, config::local_thinking(Encoding::v0731, tier), kRoomy);
        REQUIRE(thinking);
        CHECK(thinking->tier == tier);
        CHECK(thinking->n_budget_tokens == 4'096);
        REQUIRE(fit_budget(*thinking, 5'000, 64));
        CHECK(describe(budget, *thinking) == std::string(to_string(tier)) + "; budget=4096");
        // The answer keeps its tokens, and the client is told.
        REQUIRE(fit_budget(*thinking, 4'100, 64));
        CHECK(thinking->n_budget_tokens == 4'036);
        CHECK(describe(budget, *thinking) ==
              std::string(to_string(tier)) + "; budget=4036; requested=4096; reason=budget");
        const auto none_left = fit_budget(*thinking, 4'036, 64);
        REQUIRE_FALSE(none_left);
        CHECK(none_left.error().code == Errc::budget_too_large);
    }
    auto short_answer =
        effective_thinking({Kind::budget, Effort::none, 10},
                           config::local_thinking(Encoding::v0731, Effort::high), kRoomy);
    REQUIRE(fit_budget(*short_answer, 20, 64));
    CHECK(short_answer->n_budget_tokens == 1);
    auto table = config::local_thinking(Encoding::v0731, Effort::high);
    table.on = table.efforts[0];
    const auto off = effective_thinking(budget, table, kRoomy);
    CHECK(describe(budget, *off) == "none; requested=4096; reason=unsupported");
}
