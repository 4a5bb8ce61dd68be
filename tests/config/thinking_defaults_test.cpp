#include "config/thinking_defaults.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace config;

TEST_CASE("thinking tables: every row gives a tier that its kind can hold", "[config]") {
    const auto holds = [](const ThinkingTable& table, std::span<const Effort> known) {
        const auto one = [&](const ThinkingRule& rule) {
            return rule.action != ThinkingRule::Action::tier ||
                   std::find(known.begin(), known.end(), rule.tier) != known.end();
        };
        return std::all_of(table.efforts.begin(), table.efforts.end(), one) && one(table.on) &&
               one(table.absent);
    };
    for (const Encoding encoding : {Encoding::preview, Encoding::v0731}) {
        for (const Effort effort : tiers(encoding).subspan(1)) {
            const ThinkingTable table = local_thinking(encoding, effort);
            CHECK(holds(table, tiers(encoding)));
            CHECK(table.on.tier == effort);
            CHECK(table.absent.tier == effort);
            CHECK(table.n_ctx_for_max == 393'216);
        }
    }
    for (const ShippedThinking& shipped : shipped_thinking()) {
        INFO(shipped.name);
        CHECK(holds(shipped.table, shipped.tiers));
        CHECK(shipped.table.n_ctx_for_max == 0);
        CHECK(shipped.table.budget != BudgetRule::exact);
    }
}

TEST_CASE("thinking tables: switched off is off, refused, or said to be less", "[config]") {
    CHECK(local_thinking(Encoding::preview, Effort::high).efforts[0].tier == Effort::none);
    CHECK(local_thinking(Encoding::v0731, Effort::high).efforts[0].tier == Effort::none);
    for (const ShippedThinking& shipped : shipped_thinking()) {
        INFO(shipped.name);
        const Effort least =
            shipped.name == "gemini-3-flash" ? Effort::minimal : Effort::none;  // cannot stop
        CHECK(shipped.table.efforts[0].tier == least);
    }
}

TEST_CASE("thinking tables: the grammar's names are those of the tables", "[config]") {
    CHECK(std::ranges::equal(shipped_thinking(), kThinkingNames, {}, &ShippedThinking::name));
    for (const KnownModel& known : known_models()) {
        INFO(known.model);
        REQUIRE(shipped_thinking(known.thinking) != nullptr);
        CHECK(&shipped_thinking(known.kind, known.model) == shipped_thinking(known.thinking));
    }
    CHECK(shipped_thinking("none of them") == nullptr);
}

TEST_CASE("thinking tables: a model's exact name decides, at its kind of upstream", "[config]") {
    const auto name = [](UpstreamKind kind, std::string_view model) {
        return shipped_thinking(kind, model).name;
    };
    CHECK(name(UpstreamKind::openai, "gpt-5.5-pro") == "gpt-5.5-pro");
    CHECK(name(UpstreamKind::openai, "gpt-5.5-pro-2") == "openai");
    CHECK(name(UpstreamKind::openai_compatible, "gpt-5.5-pro") == "openai_compatible");
    CHECK(name(UpstreamKind::openai_compatible, "kimi-k2.6") == "kimi-k2.6");
    CHECK(name(UpstreamKind::openai_compatible, "Kimi-K2.6") == "openai_compatible");
    // A V4 behind another server takes other spellings than DeepSeek's own.
    CHECK(name(UpstreamKind::openai_compatible, "deepseek-v4-flash") == "openai_compatible");
    CHECK(name(UpstreamKind::deepseek, "anything") == "deepseek");
    CHECK(name(UpstreamKind::anthropic, "claude-opus-4-7") == "claude-4.7");
    CHECK(name(UpstreamKind::anthropic, "claude-haiku-4-5-20251001") == "claude-4.5");
    CHECK(name(UpstreamKind::anthropic, "claude-opus-9") == "anthropic");
}

TEST_CASE("thinking tables: budgets and tiers stand for each other", "[config]") {
    CHECK(tier_of_budget(1) == Effort::low);
    CHECK(tier_of_budget(1'024) == Effort::low);
    CHECK(tier_of_budget(1'025) == Effort::medium);
    CHECK(tier_of_budget(4'097) == Effort::high);
    CHECK(tier_of_budget(16'384) == Effort::high);
    CHECK(tier_of_budget(16'385) == Effort::xhigh);
    for (const Effort tier : {Effort::low, Effort::medium, Effort::high})
        CHECK(tier_of_budget(budget_of_tier(tier)) == tier);
}
