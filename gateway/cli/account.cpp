// weir account|credit: who may spend, how much, and who pays.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "gateway/cli/ledger_access.h"

namespace gateway {

namespace {

using nlohmann::json;

struct AccountWords {  // what the user typed
    std::string name, parent, new_name, amount, wallet = "prepaid", postpaid, ref;
    bool no_wallet = false;
    bool json = false;
};
using SharedAccountWords = std::shared_ptr<AccountWords>;

std::string text(const json& object, const char* member) {
    return object.at(member).get<std::string>();
}

int create_account(const Invocation& invocation, const AccountWords& words) {
    const std::string path = words.parent.empty() ? words.name : words.parent + "/" + words.name;
    json request{{"op", "account_create"}, {"name", path}, {"wallet", words.wallet}};
    if (words.no_wallet) request["wallet"] = "none";
    if (!words.postpaid.empty()) {
        request["wallet"] = "postpaid";
        request["credit_limit"] = words.postpaid;
    }
    return ledger_change(invocation, request, "account " + path + " created");
}

int show_account(const Invocation& invocation, const AccountWords& words) {
    const auto answer =
        ledger_command(invocation, {{"op", "account_show"}, {"account", words.name}});
    if (!answer) return kExitNo;
    const json& account = answer->at("account");
    if (words.json) {
        std::printf("%s\n", account.dump().c_str());
        return kExitOk;
    }
    for (const char* field :
         {"name", "wallet", "paid_by", "funds", "credit_limit", "reserved", "spent", "available"})
        std::printf("%-12s %s\n", field, text(account, field).c_str());
    if (account.at("closed").get<bool>()) std::printf("closed\n");
    return kExitOk;
}

// Each account below the one that it belongs to.
int list_accounts(const Invocation& invocation, const AccountWords& words) {
    const auto answer = ledger_command(invocation, {{"op", "account_list"}});
    if (!answer) return kExitNo;
    const json& accounts = answer->at("accounts");
    if (words.json) {
        std::printf("%s\n", accounts.dump().c_str());
        return kExitOk;
    }
    std::printf("%-32s %-9s %14s %14s %14s %14s\n", "account", "wallet", "funds", "reserved",
                "spent", "available");
    for (const json& account : accounts) {
        const std::string path = text(account, "name");
        const size_t depth = static_cast<size_t>(std::ranges::count(path, '/'));
        const size_t slash = path.rfind('/');
        std::string shown =
            std::string(2 * depth, ' ') + path.substr(slash == std::string::npos ? 0 : slash + 1);
        if (account.at("closed").get<bool>()) shown += " (closed)";
        const bool pays = text(account, "wallet") != "none";
        const auto money = [&](const char* member) {
            return pays ? text(account, member) : std::string("-");
        };
        std::printf("%-32s %-9s %14s %14s %14s %14s\n", shown.c_str(),
                    text(account, "wallet").c_str(), money("funds").c_str(),
                    money("reserved").c_str(), money("spent").c_str(), money("available").c_str());
    }
    return kExitOk;
}

int change_credit(const Invocation& invocation, const AccountWords& words, bool is_taken) {
    json request{{"op", is_taken ? "credit_take" : "credit_add"},
                 {"account", words.name},
                 {"amount", words.amount}};
    if (!words.ref.empty()) request["ref"] = words.ref;
    const auto answer = ledger_command(invocation, request);
    if (!answer) return kExitNo;
    const std::string done = is_taken ? "taken from " : "added to ";
    const bool is_new = answer->at("new").get<bool>();
    const std::string before =
        is_new ? "" : " under " + words.ref + " before: nothing is done again";
    std::printf("%s USD %s%s%s%s\n", words.amount.c_str(), is_new ? "" : "were ", done.c_str(),
                words.name.c_str(), before.c_str());
    return kExitOk;
}

// A leaf command whose words are in place when it runs.
void add_create(CLI::App& account, Invocation& invocation, const SharedAccountWords& words) {
    CLI::App* create = account.add_subcommand("create", "Create an account");
    create->add_option("NAME", words->name, "Of A-Z a-z 0-9 . _ -, or a path: org/team")
        ->required();
    create->add_option("--parent", words->parent, "The path that it belongs to: org");
    CLI::Option* none = create->add_flag("--no-wallet", words->no_wallet,
                                         "The nearest one above it that has a wallet pays");
    CLI::Option* wallet =
        create->add_option("--wallet", words->wallet, "prepaid (default): pays from its own funds")
            ->check(CLI::IsMember({"prepaid"}))
            ->excludes(none);
    create
        ->add_option("--postpaid", words->postpaid,
                     "Pays from a wallet that may go so far below zero, in USD: 100.00")
        ->excludes(none)
        ->excludes(wallet);
    on(create, invocation, [&invocation, words] { return create_account(invocation, *words); });
}

void add_changes(CLI::App& account, Invocation& invocation, const SharedAccountWords& words) {
    CLI::App* rename = account.add_subcommand(
        "rename", "Change the last part of a path; what was written keeps the old one");
    rename->add_option("PATH", words->name)->required();
    rename->add_option("NAME", words->new_name)->required();
    on(rename, invocation, [&invocation, words] {
        return ledger_change(
            invocation,
            {{"op", "account_rename"}, {"account", words->name}, {"name", words->new_name}},
            "account " + words->name + " renamed to " + words->new_name);
    });
    CLI::App* limit = account.add_subcommand("limit", "Change a postpaid wallet's limit");
    limit->add_option("PATH", words->name)->required();
    limit->add_option("USD", words->amount, "100.00; below what is used it refuses new work only")
        ->required();
    on(limit, invocation, [&invocation, words] {
        return ledger_change(
            invocation,
            {{"op", "account_limit"}, {"account", words->name}, {"credit_limit", words->amount}},
            "the limit of " + words->name + " is " + words->amount + " USD");
    });
    CLI::App* close = account.add_subcommand(
        "close", "Refuse its keys and those of all accounts below it, for good");
    close->add_option("PATH", words->name)->required();
    on(close, invocation, [&invocation, words] {
        return ledger_change(invocation, {{"op", "account_close"}, {"account", words->name}},
                             "account " + words->name + " closed");
    });
}

void add_views(CLI::App& account, Invocation& invocation, const SharedAccountWords& words) {
    CLI::App* list = account.add_subcommand("list", "All accounts as a tree, with their wallets");
    list->add_flag("--json", words->json);
    on(list, invocation, [&invocation, words] { return list_accounts(invocation, *words); });
    CLI::App* show = account.add_subcommand("show", "Funds, reserved, spent, available, in USD");
    show->add_option("PATH", words->name)->required();
    show->add_flag("--json", words->json);
    on(show, invocation, [&invocation, words] { return show_account(invocation, *words); });
}

void add_credit(CLI::App& app, Invocation& invocation, const SharedAccountWords& words) {
    CLI::App* credit = app.add_subcommand("credit", "Give an account money to spend, or take it");
    credit->require_subcommand(1);
    for (const bool is_taken : {false, true}) {
        CLI::App* change =
            is_taken ? credit->add_subcommand("take",
                                              "Take from an account's funds; below what is "
                                              "held it refuses new work only")
                     : credit->add_subcommand("add", "Add to an account's funds");
        change->add_option("PATH", words->name, "The account")->required();
        change->add_option("AMOUNT", words->amount, "USD: 10.00")->required();
        change->add_option("--ref", words->ref,
                           "Your own name for it: said again with the same words, it does nothing "
                           "more");
        on(change, invocation,
           [&invocation, words, is_taken] { return change_credit(invocation, *words, is_taken); });
    }
}

}  // namespace

void add_account(CLI::App& app, Invocation& invocation) {
    const auto words = std::make_shared<AccountWords>();
    CLI::App* account = app.add_subcommand("account", "Create, change and show accounts");
    account->require_subcommand(1);
    add_create(*account, invocation, words);
    add_changes(*account, invocation, words);
    add_views(*account, invocation, words);
    add_credit(app, invocation, words);
}

}  // namespace gateway
