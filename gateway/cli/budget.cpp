// weir budget: ceilings on what accounts, keys and models may spend in a day, a month or for good.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "gateway/cli/ledger_access.h"

namespace gateway {

namespace {

using nlohmann::json;

struct BudgetWords {  // what the user typed
    std::string account, key, model, per, limit, zone = "UTC", alerts;
    bool json = false;
};
using SharedBudgetWords = std::shared_ptr<BudgetWords>;

json request_of(const char* operation, const BudgetWords& words) {
    const char* of = !words.account.empty() ? "account" : !words.key.empty() ? "key" : "model";
    return {{"op", operation},
            {"of", of},
            {"name", words.account + words.key + words.model},
            {"per", words.per}};
}

std::string name_of(const json& request) {
    return "budget of " + request.at("of").get<std::string>() + " " +
           request.at("name").get<std::string>() + " per " + request.at("per").get<std::string>();
}

int set_budget(const Invocation& invocation, const BudgetWords& words) {
    json request = request_of("budget_set", words);
    request["limit"] = words.limit;
    request["time_zone"] = words.zone;
    request["alerts"] = words.alerts;
    return ledger_change(invocation, request, name_of(request) + " is " + words.limit + " USD");
}

int remove_budget(const Invocation& invocation, const BudgetWords& words) {
    const json request = request_of("budget_remove", words);
    return ledger_change(invocation, request, name_of(request) + " removed");
}

int list_budgets(const Invocation& invocation, const BudgetWords& words) {
    const auto answer = ledger_command(invocation, {{"op", "budget_list"}});
    if (!answer) return kExitNo;
    const json& budgets = answer->at("budgets");
    if (words.json) {
        std::printf("%s\n", budgets.dump().c_str());
        return kExitOk;
    }
    std::printf("%-8s %-28s %-9s %14s %14s %14s %-10s %-24s %s\n", "of", "name", "per", "limit",
                "used", "held", "alerts", "begins anew", "time zone");
    for (const json& budget : budgets) {
        const auto text = [&](const char* member) {
            return budget.at(member).is_null() ? "-" : budget.at(member).get<std::string>();
        };
        std::printf("%-8s %-28s %-9s %14s %14s %14s %-10s %-24s %s\n", text("of").c_str(),
                    text("name").c_str(), text("per").c_str(), text("limit").c_str(),
                    text("used").c_str(), text("held").c_str(), text("alerts").c_str(),
                    text("resets_at").c_str(), text("time_zone").c_str());
    }
    return kExitOk;
}

// Exactly one of what a budget may be of, and its period.
void add_place(CLI::App& command, const SharedBudgetWords& words) {
    CLI::Option_group* of = command.add_option_group("of", "What it is of");
    of->add_option("--account", words->account, "An account with all below it: org/team");
    of->add_option("--key", words->key, "A key, by its number in weir key list");
    of->add_option("--model", words->model, "A route");
    of->require_option(1);
    command.add_option("--per", words->per, "day, month or lifetime")
        ->required()
        ->check(CLI::IsMember({"day", "month", "lifetime"}));
}

// A leaf command whose words are in place when it runs.
}  // namespace

void add_budget(CLI::App& app, Invocation& invocation) {
    const auto words = std::make_shared<BudgetWords>();
    CLI::App* budget = app.add_subcommand("budget", "Ceilings for accounts, keys and models");
    budget->require_subcommand(1);
    CLI::App* set = budget->add_subcommand(
        "set", "Make or change one; it counts the requests that come from then on");
    add_place(*set, words);
    set->add_option("USD", words->limit, "10.00; below what is held it refuses new work only")
        ->required();
    set->add_option("--tz", words->zone, "IANA time zone of its calendar (default UTC)");
    set->add_option("--alert", words->alerts, "Percent spent that are told: 50,80,100");
    on(set, invocation, [&invocation, words] { return set_budget(invocation, *words); });
    CLI::App* remove = budget->add_subcommand("remove", "Take one away");
    add_place(*remove, words);
    on(remove, invocation, [&invocation, words] { return remove_budget(invocation, *words); });
    CLI::App* list = budget->add_subcommand("list", "All budgets and what is used of them");
    list->add_flag("--json", words->json);
    on(list, invocation, [&invocation, words] { return list_budgets(invocation, *words); });
}

}  // namespace gateway
