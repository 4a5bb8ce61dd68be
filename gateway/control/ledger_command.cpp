#include "gateway/control/ledger_command.h"

#include <nlohmann/json.hpp>

namespace gateway {

namespace {

using nlohmann::json;

json failure(std::string error) {
    return {{"ok", false}, {"error", std::move(error)}};
}

// What a person at the command line is told.
json failure(const billing::Error& error) {
    using billing::Errc;
    switch (error.code) {
        case Errc::account_unknown:
            return failure("no such account; make one with: weir account create NAME");
        case Errc::name_taken:
            return failure("an account of this name exists");
        case Errc::name_invalid:
            return failure("a name is 1 to 64 of A-Z a-z 0-9 . _ -");
        case Errc::amount_invalid:
            return failure("the amount must be above 0, in USD with at most nine decimals: 10.00");
        case Errc::request_unknown:
            return failure("no such request");
        case Errc::key_unknown:
            return failure("no such key; see: weir key list");
        case Errc::reference_taken:
            return failure("this reference was used before: " + error.detail);
        case Errc::refund_refused:
        case Errc::text_invalid:
            return failure(error.detail);
        case Errc::ledger_unavailable:
            return failure("the ledger cannot be written now (" + error.detail + ")");
        case Errc::insufficient_funds:
        case Errc::unpriced:
        case Errc::ledger_busy:
        case Errc::owned_by_other:
        case Errc::ledger_broken:
        case Errc::time_zone_unknown:
        case Errc::query_invalid:
            break;
    }
    return failure(error.detail);
}

json account_create(billing::Billing& billing, const json& request) {
    const auto id = billing.create_account(request.at("name").get<std::string>());
    if (!id) return failure(id.error());
    return {{"ok", true}, {"id", id->n}};
}

json credit_add(billing::Billing& billing, const json& request) {
    const auto amount = config::parse_usd(request.at("amount").get<std::string>());
    if (!amount || amount->n <= 0) return failure({billing::Errc::amount_invalid, ""});
    const auto added = billing.add_credit(request.at("account").get<std::string>(), *amount);
    if (!added) return failure(added.error());
    return {{"ok", true}};
}

json key_create(billing::Billing& billing, const json& request) {
    const auto key = billing.create_key(request.at("account").get<std::string>());
    if (!key) return failure(key.error());
    return {{"ok", true}, {"key", *key}};
}

json key_disable(billing::Billing& billing, const json& request) {
    const auto disabled = billing.disable_key({request.at("key").get<int64_t>()});
    if (!disabled) return failure(disabled.error());
    return {{"ok", true}};
}

json key_list(billing::Billing& billing, const json&) {
    json keys = json::array();
    for (const billing::KeyInfo& key : billing.keys()) {
        keys.push_back({{"id", key.id.n},
                        {"account", key.account},
                        {"prefix", key.prefix},
                        {"last4", key.last4},
                        {"enabled", key.enabled},
                        {"created_at", config::to_rfc3339(key.created_at)}});
    }
    return {{"ok", true}, {"keys", std::move(keys)}};
}

json account_show(billing::Billing& billing, const json& request) {
    const std::string name = request.at("account").get<std::string>();
    const auto balance = billing.balance(name);
    if (!balance) return failure(balance.error());
    return {{"ok", true},
            {"account",
             {{"name", name},
              {"funds", config::to_string(balance->funds)},
              {"reserved", config::to_string(balance->reserved)},
              {"spent", config::to_string(balance->spent)},
              {"available", config::to_string(balance->available())}}}};
}

json ledger_refund(billing::Billing& billing, const json& request) {
    billing::Refund refund;
    const auto found = billing.make_request_names()->find(request.at("request").get<std::string>());
    if (!found) return failure({billing::Errc::request_unknown, ""});
    refund.request = *found;
    if (request.contains("amount")) {
        refund.amount = config::parse_usd(request.at("amount").get<std::string>());
        if (!refund.amount) return failure({billing::Errc::amount_invalid, ""});
    }
    refund.ref = request.at("ref").get<std::string>();
    refund.reason = request.at("reason").get<std::string>();
    const auto refunded = billing.refund(refund);
    if (!refunded) return failure(refunded.error());
    return {{"ok", true},
            {"refunded", config::to_string(refunded->amount)},
            {"left", config::to_string(refunded->left)},
            {"new", refunded->is_new}};
}

struct Operation {
    const char* name;
    json (*run)(billing::Billing&, const json&);
};
constexpr Operation kOperations[] = {
    {"account_create", account_create}, {"account_show", account_show}, {"credit_add", credit_add},
    {"key_create", key_create},         {"key_disable", key_disable},   {"key_list", key_list},
    {"ledger_refund", ledger_refund},
};

}  // namespace

std::string run_ledger_command(billing::Billing& billing, std::string_view request) {
    try {
        const json parsed = json::parse(request);
        const std::string& name = parsed.at("op").get_ref<const std::string&>();
        for (const Operation& operation : kOperations) {
            if (name == operation.name) return operation.run(billing, parsed).dump();
        }
        return failure("unknown operation; the two programs have different versions").dump();
    } catch (const json::exception&) {
        return failure("malformed command; the two programs have different versions").dump();
    }
}

}  // namespace gateway
