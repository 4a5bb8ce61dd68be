// weir key: API keys, what they may be used for and until when.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "gateway/cli/ledger_access.h"

namespace gateway {

namespace {

using nlohmann::json;

struct KeyWords {  // what the user typed
    std::string account, name, expires, overlap, at = "0s";
    std::vector<std::string> labels, routes, endpoints, networks;
    int64_t key = 0;
    bool json = false;
};
using SharedKeyWords = std::shared_ptr<KeyWords>;

int show_new(const Invocation& invocation, const json& request) {
    const auto answer = ledger_command(invocation, request);
    if (!answer) return kExitNo;
    std::fprintf(stderr, "This key is shown once; the ledger keeps only its digest.\n");
    std::printf("%s\n", answer->at("key").get<std::string>().c_str());
    return kExitOk;
}

int create_key(const Invocation& invocation, const KeyWords& words) {
    json request{{"op", "key_create"},        {"account", words.account},
                 {"name", words.name},        {"labels", words.labels},
                 {"routes", words.routes},    {"endpoints", words.endpoints},
                 {"networks", words.networks}};
    if (!words.expires.empty()) request["expires"] = words.expires;
    return show_new(invocation, request);
}

std::string text_of(const json& object, const char* member) {
    return object.at(member).is_null() ? "-" : object.at(member).get<std::string>();
}

// "routes a,b; from 10.0.0.0/8"
std::string scope_of(const json& key) {
    std::string out;
    for (const auto& [member, word] : {std::pair("routes", "routes"),
                                       {"endpoints", "endpoints"},
                                       {"networks", "from"},
                                       {"labels", "labels"}}) {
        std::string items;
        for (const json& item : key.at(member))
            items += (items.empty() ? "" : ",") + item.get<std::string>();
        if (items.empty()) continue;
        out += (out.empty() ? "" : "; ") + std::string(word) + " " + items;
    }
    return out;
}

int list_keys(const Invocation& invocation, const KeyWords& words) {
    const auto answer = ledger_command(invocation, {{"op", "key_list"}});
    if (!answer) return kExitNo;
    const json& keys = answer->at("keys");
    if (words.json) {
        std::printf("%s\n", keys.dump().c_str());
        return kExitOk;
    }
    std::printf("%4s  %-20s %-18s %-9s %-24s %-24s %-24s %-12s %s\n", "id", "account", "key",
                "state", "created", "expires", "last used", "name", "only");
    for (const json& key : keys) {
        const std::string shown = text_of(key, "prefix") + "..." + text_of(key, "last4");
        std::printf("%4lld  %-20s %-18s %-9s %-24s %-24s %-24s %-12s %s\n",
                    key.at("id").get<long long>(), text_of(key, "account").c_str(), shown.c_str(),
                    key.at("enabled").get<bool>() ? "enabled" : "disabled",
                    text_of(key, "created_at").c_str(), text_of(key, "expires_at").c_str(),
                    text_of(key, "last_used_at").c_str(), text_of(key, "name").c_str(),
                    scope_of(key).c_str());
    }
    return kExitOk;
}

// A leaf command whose words are in place when it runs.
void add_create(CLI::App& key, Invocation& invocation, const SharedKeyWords& words) {
    CLI::App* create = key.add_subcommand("create", "Make a key; it is printed once");
    CLI::Option* positional =
        create->add_option("ACCOUNT", words->account, "Whose it is: org/team");
    create->add_option("--account", words->account, "The same")->excludes(positional);
    create->add_option("--name", words->name, "What people call it; reports keep it");
    create->add_option("--label", words->labels,
                       "name=value; reports keep them. thinking=strict: 400 where thinking would "
                       "not be as asked for");
    create->add_option("--expires", words->expires, "2026-12-31T00:00:00Z, or in 720h");
    create->add_option("--route", words->routes, "Only for this route; others are unknown models");
    create->add_option("--endpoint", words->endpoints, "Only by this endpoint of a plan");
    create->add_option("--from", words->networks, "Only from this network: 10.0.0.0/8");
    on(create, invocation, [&invocation, words] {
        if (!words->account.empty()) return create_key(invocation, *words);
        std::fprintf(stderr, "weir: whose key? weir key create ACCOUNT\n");
        return int{kExitUsage};
    });
}

void add_changes(CLI::App& key, Invocation& invocation, const SharedKeyWords& words) {
    constexpr const char* kIdHelp = "As weir key list shows it";
    CLI::App* rotate =
        key.add_subcommand("rotate", "Make another secret of a key; it is printed once");
    rotate->add_option("ID", words->key, kIdHelp)->required();
    rotate->add_option("--overlap", words->overlap, "How long the old one still holds: 24h, or 0s")
        ->required();
    on(rotate, invocation, [&invocation, words] {
        return show_new(invocation,
                        {{"op", "key_rotate"}, {"key", words->key}, {"overlap", words->overlap}});
    });
    CLI::App* expire = key.add_subcommand("expire", "Refuse a key from a time on");
    expire->add_option("ID", words->key, kIdHelp)->required();
    expire->add_option("--at", words->at, "2026-12-31T00:00:00Z, or in 720h (default: now)");
    on(expire, invocation, [&invocation, words] {
        return ledger_change(invocation,
                             {{"op", "key_expire"}, {"key", words->key}, {"at", words->at}},
                             "the expiry of key " + std::to_string(words->key) + " is set");
    });
    for (const bool is_enabled : {false, true}) {
        CLI::App* change = is_enabled ? key.add_subcommand("enable", "Take back what disable did")
                                      : key.add_subcommand("disable", "Refuse a key from now on");
        change->add_option("ID", words->key, kIdHelp)->required();
        on(change, invocation, [&invocation, words, is_enabled] {
            const std::string what = is_enabled ? "enable" : "disable";
            return ledger_change(invocation, {{"op", "key_" + what}, {"key", words->key}},
                                 "key " + std::to_string(words->key) + " " + what + "d");
        });
    }
}

}  // namespace

void add_key(CLI::App& app, Invocation& invocation) {
    const auto words = std::make_shared<KeyWords>();
    CLI::App* key = app.add_subcommand("key", "Create, rotate, list and disable API keys");
    key->require_subcommand(1);
    add_create(*key, invocation, words);
    add_changes(*key, invocation, words);
    CLI::App* list = key->add_subcommand("list", "All keys, by their first and last characters");
    list->add_flag("--json", words->json);
    on(list, invocation, [&invocation, words] { return list_keys(invocation, *words); });
}

}  // namespace gateway
