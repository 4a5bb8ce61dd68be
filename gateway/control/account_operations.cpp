#include "gateway/control/operations.h"

namespace gateway {

namespace {

using nlohmann::json;

constexpr billing::Errc kAmount = billing::Errc::amount_invalid;

json account_create(billing::Billing& billing, const json& request) {
    billing::NewAccount account{request.at("name").get<std::string>()};
    const std::string wallet = request.value("wallet", "prepaid");
    if (wallet == "none") {
        account.wallet = billing::Wallet::none;
    } else if (wallet == "postpaid") {
        const auto limit = amount_of(request, "credit_limit", {});
        if (!limit) return failure({kAmount, {}});
        account.wallet = billing::Wallet::postpaid;
        account.credit_limit = *limit;
    } else if (wallet != "prepaid") {
        return failure("a wallet is prepaid, postpaid or none");
    }
    const auto id = billing.create_account(account);
    if (!id) return failure(id.error());
    return {{"ok", true}, {"id", id->n}};
}

json account_rename(billing::Billing& billing, const json& request) {
    return done(billing.rename_account(request.at("account").get<std::string>(),
                                       request.at("name").get<std::string>()));
}

json account_close(billing::Billing& billing, const json& request) {
    return done(billing.close_account(request.at("account").get<std::string>()));
}

json account_limit(billing::Billing& billing, const json& request) {
    const auto limit = amount_of(request, "credit_limit", {});
    if (!limit) return failure({kAmount, {}});
    return done(billing.set_credit_limit(request.at("account").get<std::string>(), *limit));
}

json credit(billing::Billing& billing, const json& request, bool is_taken) {
    const auto amount = amount_of(request, "amount");
    if (!amount) return failure({kAmount, {}});
    const auto credited =
        billing.credit(request.at("account").get<std::string>(),
                       is_taken ? billing::NanoUsd{-amount->n} : *amount, request.value("ref", ""));
    if (!credited) return failure(credited.error());
    return {{"ok", true}, {"new", credited->is_new}};
}

json credit_add(billing::Billing& billing, const json& request) {
    return credit(billing, request, false);
}

json credit_take(billing::Billing& billing, const json& request) {
    return credit(billing, request, true);
}

json view(const billing::AccountView& account) {
    const billing::Balance& balance = account.balance;
    return {{"name", account.path},
            {"wallet", to_string(account.wallet)},
            {"paid_by", account.payer},
            {"closed", account.is_closed},
            {"credit_limit", config::to_string(account.credit_limit)},
            {"funds", config::to_string(balance.funds)},
            {"reserved", config::to_string(balance.reserved)},
            {"spent", config::to_string(balance.spent)},
            {"available", config::to_string(balance.available() + account.credit_limit)}};
}

json account_list(billing::Billing& billing, const json&) {
    json accounts = json::array();
    for (const billing::AccountView& account : billing.accounts())
        accounts.push_back(view(account));
    return {{"ok", true}, {"accounts", std::move(accounts)}};
}

json account_show(billing::Billing& billing, const json& request) {
    const std::string path = request.at("account").get<std::string>();
    for (const billing::AccountView& account : billing.accounts()) {
        if (account.path == path) return {{"ok", true}, {"account", view(account)}};
    }
    return failure({billing::Errc::account_unknown, path});
}

constexpr Operation kAccountOperations[] = {
    {"account_create", account_create}, {"account_rename", account_rename},
    {"account_close", account_close},   {"account_limit", account_limit},
    {"account_list", account_list},     {"account_show", account_show},
    {"credit_add", credit_add},         {"credit_take", credit_take},
};

}  // namespace

std::span<const Operation> account_operations() {
    return kAccountOperations;
}

}  // namespace gateway
