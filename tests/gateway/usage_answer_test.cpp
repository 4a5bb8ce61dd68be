#include "gateway/api/usage_answer.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace gateway;
using nlohmann::json;

TEST_CASE("usage answer: what there is, is held and spent, and every budget", "[api]") {
    billing::UsageView usage;
    usage.account = "org/team";
    usage.wallet.path = "org";
    usage.wallet.credit_limit = {2'000'000'000};
    usage.wallet.balance = {{1'000'000'000}, {250'000'000}, {500'000'001}};
    billing::BudgetView daily;
    daily.subject = "org";
    daily.zone = "Asia/Kolkata";
    daily.limit = {10'000'000'000};
    daily.spent = {1};
    daily.reserved = {250'000'000};
    daily.resets_at = config::UnixMillis{1'790'812'800'000};
    billing::BudgetView whole;
    whole.scope = billing::BudgetScope::key;
    whole.subject = "7";
    whole.period = billing::BudgetPeriod::lifetime;
    usage.budgets = {daily, whole};
    const json answer = json::parse(usage_answer(usage));
    CHECK(answer["account"] == "org/team");
    CHECK(answer["paid_by"] == "org");
    CHECK(answer["funds"] == "1.00");
    CHECK(answer["held"] == "0.25");
    CHECK(answer["spent"] == "0.500000001");
    CHECK(answer["available"] == "2.249999999");
    REQUIRE(answer["budgets"].size() == 2);
    CHECK(answer["budgets"][0] == json{{"of", "account"},
                                       {"name", "org"},
                                       {"per", "day"},
                                       {"time_zone", "Asia/Kolkata"},
                                       {"limit", "10.00"},
                                       {"used", "0.000000001"},
                                       {"held", "0.25"},
                                       {"resets_at", "2026-10-01T00:00:00.000Z"}});
    CHECK(answer["budgets"][1]["resets_at"].is_null());
}
