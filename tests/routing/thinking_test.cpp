#include "routing/thinking.h"

#include <catch2/catch.hpp>

#include "config/thinking_defaults.h"

using namespace routing;
using config::Effort;
using config::Encoding;
using config::UpstreamKind;
using Kind = ThinkingAsk::Kind;

namespace {

constexpr int64_t kRoomy = 1'000'000;

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
    CHECK(column(config::upstream_thinking(UpstreamKind::deepseek), kRoomy) ==
          Column{"none", "low; requested=minimal; reason=unsupported", "low",
                 "high; requested=medium; reason=unsupported", "high",
                 "high; requested=xhigh; reason=unsupported", "max", "high", "-high"});
}

TEST_CASE("thinking: the column of gpt-5.5", "[routing]") {
    CHECK(column(config::upstream_thinking(UpstreamKind::openai), kRoomy) ==
          Column{"none", "low; requested=minimal; reason=unsupported", "low", "medium", "high",
                 "xhigh", "xhigh; requested=max; reason=unsupported", "medium", "-medium"});
}

TEST_CASE("thinking: an openai_compatible upstream is told every word", "[routing]") {
    CHECK(column(config::upstream_thinking(UpstreamKind::openai_compatible), 1'000) ==
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
    CHECK(column(config::upstream_thinking(UpstreamKind::openai), 10)[5] == "xhigh");
}

TEST_CASE("thinking: a refused row is an error, for that row alone", "[routing]") {
    auto table = config::upstream_thinking(UpstreamKind::openai);
    table.efforts[0] = {config::ThinkingRule::Action::refuse, Effort::none};
    const auto off = effective_thinking(effort(Effort::none), table, kRoomy);
    REQUIRE_FALSE(off.has_value());
    CHECK(off.error().code == Errc::tier_unsupported);
    CHECK_THAT(off.error().detail, Catch::Contains("none"));
    CHECK(effective_thinking(effort(Effort::low), table, kRoomy).has_value());
    CHECK(effective_thinking(kAbsent, table, kRoomy).has_value());
}

TEST_CASE("thinking: a token budget is an error at every upstream", "[routing]") {
    const ThinkingAsk budget{Kind::budget, Effort::none, 4'096};
    for (const auto& table : {config::upstream_thinking(UpstreamKind::openai),
                              config::upstream_thinking(UpstreamKind::openai_compatible),
                              config::upstream_thinking(UpstreamKind::deepseek)}) {
        const auto thinking = effective_thinking(budget, table, kRoomy);
        REQUIRE_FALSE(thinking.has_value());
        CHECK(thinking.error().code == Errc::budget_unsupported);
        CHECK_THAT(thinking.error().detail, Catch::Contains("4096"));
    }
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
