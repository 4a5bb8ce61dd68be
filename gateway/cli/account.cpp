// weir account|credit|key: who may spend, how much, with which keys.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "gateway/cli/ledger_access.h"

namespace gateway {

namespace {

using nlohmann::json;

struct AccountWords {  // what the user typed
    std::string name, amount, account;
    int64_t key = 0;
    bool json = false;
};
using SharedWords = std::shared_ptr<AccountWords>;

// Runs a command that has nothing to print but its success.
int change(const Invocation& invocation, const json& request, const std::string& done) {
    if (!ledger_command(invocation, request)) return kExitNo;
    std::printf("%s\n", done.c_str());
    return kExitOk;
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
    for (const char* field : {"name", "funds", "reserved", "spent", "available"})
        std::printf("%-10s %s\n", field, account.at(field).get<std::string>().c_str());
    return kExitOk;
}

int create_key(const Invocation& invocation, const AccountWords& words) {
    const auto answer =
        ledger_command(invocation, {{"op", "key_create"}, {"account", words.account}});
    if (!answer) return kExitNo;
    std::fprintf(stderr, "This key is shown once; the ledger keeps only its digest.\n");
    std::printf("%s\n", answer->at("key").get<std::string>().c_str());
    return kExitOk;
}

int list_keys(const Invocation& invocation, const AccountWords& words) {
    const auto answer = ledger_command(invocation, {{"op", "key_list"}});
    if (!answer) return kExitNo;
    const json& keys = answer->at("keys");
    if (words.json) {
        std::printf("%s\n", keys.dump().c_str());
        return kExitOk;
    }
    std::printf("%4s  %-20s %-18s %-9s %s\n", "id", "account", "key", "state", "created");
    for (const json& key : keys) {
        const std::string shown =
            key.at("prefix").get<std::string>() + "..." + key.at("last4").get<std::string>();
        std::printf("%4lld  %-20s %-18s %-9s %s\n", key.at("id").get<long long>(),
                    key.at("account").get<std::string>().c_str(), shown.c_str(),
                    key.at("enabled").get<bool>() ? "enabled" : "disabled",
                    key.at("created_at").get<std::string>().c_str());
    }
    return kExitOk;
}

// A leaf command whose words are in place when it runs.
void on(CLI::App* command, Invocation& invocation, std::function<int()> run) {
    command->callback([&invocation, run = std::move(run)] { invocation.run = run; });
}

}  // namespace

void add_account(CLI::App& app, Invocation& invocation) {
    const auto words = std::make_shared<AccountWords>();

    CLI::App* account = app.add_subcommand("account", "Create and show accounts");
    account->require_subcommand(1);
    CLI::App* create = account->add_subcommand("create", "Create an account");
    create->add_option("NAME", words->name, "1 to 64 of A-Z a-z 0-9 . _ -")->required();
    on(create, invocation, [&invocation, words] {
        return change(invocation, {{"op", "account_create"}, {"name", words->name}},
                      "account " + words->name + " created");
    });
    CLI::App* show = account->add_subcommand("show", "Funds, reserved, spent, available, in USD");
    show->add_option("NAME", words->name)->required();
    show->add_flag("--json", words->json);
    on(show, invocation, [&invocation, words] { return show_account(invocation, *words); });

    CLI::App* credit = app.add_subcommand("credit", "Give an account money to spend");
    credit->require_subcommand(1);
    CLI::App* add = credit->add_subcommand("add", "Add to an account's funds");
    add->add_option("NAME", words->name, "The account")->required();
    add->add_option("AMOUNT", words->amount, "USD: 10.00")->required();
    on(add, invocation, [&invocation, words] {
        return change(invocation,
                      {{"op", "credit_add"}, {"account", words->name}, {"amount", words->amount}},
                      words->amount + " USD added to " + words->name);
    });

    CLI::App* key = app.add_subcommand("key", "Create, list and disable API keys");
    key->require_subcommand(1);
    CLI::App* key_create = key->add_subcommand("create", "Make a key; it is printed once");
    key_create->add_option("--account", words->account, "The account that pays")->required();
    on(key_create, invocation, [&invocation, words] { return create_key(invocation, *words); });
    CLI::App* list = key->add_subcommand("list", "All keys, by their first and last characters");
    list->add_flag("--json", words->json);
    on(list, invocation, [&invocation, words] { return list_keys(invocation, *words); });
    CLI::App* disable = key->add_subcommand("disable", "Refuse a key from now on");
    disable->add_option("ID", words->key, "As weir key list shows it")->required();
    on(disable, invocation, [&invocation, words] {
        return change(invocation, {{"op", "key_disable"}, {"key", words->key}},
                      "key " + std::to_string(words->key) + " disabled");
    });
}

}  // namespace gateway
