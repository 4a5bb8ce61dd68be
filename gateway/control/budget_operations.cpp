#include "billing/wall_clock.h"
#include "gateway/control/operations.h"

namespace gateway {

namespace {

using nlohmann::json;

std::optional<billing::BudgetScope> scope_of(const std::string& word) {
    using billing::BudgetScope;
    for (const auto scope : {BudgetScope::account, BudgetScope::key, BudgetScope::model}) {
        if (word == to_string(scope)) return scope;
    }
    return std::nullopt;
}

// The place of a budget. Nothing: a word is none of those.
std::optional<billing::BudgetAsk> place_of(const json& request) {
    const auto scope = scope_of(request.at("of").get<std::string>());
    const auto period = billing::parse_budget_period(request.at("per").get<std::string>());
    if (!scope || !period) return std::nullopt;
    billing::BudgetAsk ask;
    ask.scope = *scope;
    ask.subject = request.at("name").get<std::string>();
    ask.period = *period;
    return ask;
}

json no_place() {
    return failure("a budget is of an account, a key or a model, per day, month or lifetime");
}

json budget_set(billing::Billing& billing, const json& request) {
    auto ask = place_of(request);
    if (!ask) return no_place();
    const auto limit = amount_of(request, "limit", {});
    if (!limit) return failure("a limit is in USD with at most nine decimals: 10.00");
    ask->limit = *limit;
    ask->zone = request.value("time_zone", ask->zone);
    ask->alerts = request.value("alerts", "");
    return done(billing.set_budget(*ask));
}

json budget_remove(billing::Billing& billing, const json& request) {
    const auto ask = place_of(request);
    if (!ask) return no_place();
    return done(billing.remove_budget(ask->scope, ask->subject, ask->period));
}

json budget_list(billing::Billing& billing, const json&) {
    json budgets = json::array();
    for (const billing::BudgetView& budget : billing.budgets(billing::wall_clock())) {
        json resets_at;
        if (budget.resets_at) resets_at = config::to_rfc3339(*budget.resets_at);
        budgets.push_back({{"of", to_string(budget.scope)},
                           {"name", budget.subject},
                           {"per", to_string(budget.period)},
                           {"time_zone", budget.zone},
                           {"limit", config::to_string(budget.limit)},
                           {"used", config::to_string(budget.spent)},
                           {"held", config::to_string(budget.reserved)},
                           {"alerts", budget.alerts},
                           {"resets_at", std::move(resets_at)}});
    }
    return {{"ok", true}, {"budgets", std::move(budgets)}};
}

constexpr Operation kBudgetOperations[] = {
    {"budget_set", budget_set},
    {"budget_remove", budget_remove},
    {"budget_list", budget_list},
};

}  // namespace

std::span<const Operation> budget_operations() {
    return kBudgetOperations;
}

}  // namespace gateway
