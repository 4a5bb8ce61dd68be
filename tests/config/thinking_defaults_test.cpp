#include "config/thinking_defaults.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace config;

TEST_CASE("thinking tables: every row gives a tier that its kind can hold", "[config]") {
    const auto holds = [](const ThinkingTable& table, std::span<const Effort> known) {
        const auto one = [&](const ThinkingRule& rule) {
            return rule.action != ThinkingRule::Action::refuse &&
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
    for (const UpstreamKind kind :
         {UpstreamKind::openai, UpstreamKind::deepseek, UpstreamKind::openai_compatible}) {
        CHECK(holds(upstream_thinking(kind), tiers(kind)));
        CHECK(upstream_thinking(kind).n_ctx_for_max == 0);
    }
}

TEST_CASE("thinking tables: switched off is never anything else", "[config]") {
    CHECK(local_thinking(Encoding::preview, Effort::high).efforts[0].tier == Effort::none);
    CHECK(local_thinking(Encoding::v0731, Effort::high).efforts[0].tier == Effort::none);
    CHECK(upstream_thinking(UpstreamKind::openai).efforts[0].tier == Effort::none);
    CHECK(upstream_thinking(UpstreamKind::deepseek).efforts[0].tier == Effort::none);
}
