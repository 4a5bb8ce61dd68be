#include "billing/book.h"

#include <algorithm>

#include "config/ensure.h"

namespace billing {
namespace {

constexpr NanoUsd kFundsMax{9'000'000'000'000'000'000};  // below INT64_MAX: sums of balances fit

tl::unexpected<Error> refused(Errc code, std::string detail) {
    return tl::unexpected(Error{code, std::move(detail)});
}

bool is_valid_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

}  // namespace

UnixMillis Book::advance(UnixMillis now) {
    last_at_ = std::max(last_at_, now);
    return last_at_;
}

Result<RequestId> Book::reserve(const Caller& caller, NanoUsd amount) {
    const auto at = accounts_.find(caller.account.n);
    if (at == accounts_.end() || !at->second.is_kept) return refused(Errc::account_unknown, {});
    if (amount < NanoUsd{0}) return refused(Errc::amount_invalid, "a hold below zero");
    Balance& balance = at->second.balance;
    if (balance.available() < amount) {
        return refused(Errc::insufficient_funds, "available " +
                                                     config::to_string(balance.available()) +
                                                     ", needed " + config::to_string(amount));
    }
    const RequestId request{next_request_++};
    open_hold_at(balance, request, caller, amount);
    return request;
}

void Book::open_hold_at(Balance& balance, RequestId request, const Caller& caller, NanoUsd amount) {
    open_.emplace(request.n, OpenHold{caller, amount});
    balance.reserved += amount;
    reserved_ += amount;
}

std::optional<Book::Ended> Book::end(RequestId request, NanoUsd spent) {
    const auto at = open_.find(request.n);
    if (at == open_.end()) return std::nullopt;
    const Ended ended{at->second.caller.account, at->second.amount, at->second.has_checkpoint};
    ENSURE(spent >= NanoUsd{0} && spent <= ended.held);
    Balance& balance = accounts_.at(ended.account.n).balance;
    balance.reserved -= ended.held;
    balance.spent += spent;
    reserved_ -= ended.held;
    open_.erase(at);
    return ended;
}

bool Book::note_checkpoint(RequestId request) {
    const auto at = open_.find(request.n);
    if (at == open_.end()) return false;
    at->second.has_checkpoint = true;
    return true;
}

void Book::undo_reserve(RequestId request) {
    end(request, NanoUsd{0});
}

void Book::undo_spent(AccountId account, NanoUsd spent) {
    accounts_.at(account.n).balance.spent -= spent;
}

std::optional<Book::OpenHold> Book::open_hold(RequestId request) const {
    const auto at = open_.find(request.n);
    if (at == open_.end()) return std::nullopt;
    return at->second;
}

std::vector<RequestId> Book::open_requests() const {
    std::vector<RequestId> requests;
    for (const auto& [id, hold] : open_) requests.push_back({id});
    std::ranges::sort(requests);
    return requests;
}

Result<AccountId> Book::claim_account(const std::string& name) {
    if (!is_valid_name(name))
        return refused(Errc::name_invalid, "an account's name is 1 to 64 of A-Z a-z 0-9 . _ -");
    if (account_by_name_.contains(name)) return refused(Errc::name_taken, name);
    const AccountId account{next_account_++};
    accounts_.emplace(account.n, Account{name, {}, {}, false});
    account_by_name_.emplace(name, account.n);
    return account;
}

void Book::keep_account(AccountId account) {
    accounts_.at(account.n).is_kept = true;
}

void Book::give_up_account(AccountId account) {
    account_by_name_.erase(account_name(account));
    accounts_.erase(account.n);
}

Result<AccountId> Book::find_account(std::string_view name) const {
    const auto at = account_by_name_.find(name);
    if (at == account_by_name_.end() || !accounts_.at(at->second).is_kept) {
        return refused(Errc::account_unknown, std::string(name));
    }
    return AccountId{at->second};
}

std::vector<std::string> Book::account_names() const {
    std::vector<std::string> names;
    for (const auto& [name, id] : account_by_name_) {
        if (accounts_.at(id).is_kept) names.push_back(name);
    }
    return names;
}

std::vector<AccountId> Book::accounts() const {
    std::vector<AccountId> ids;
    for (const auto& [id, account] : accounts_) {
        if (account.is_kept) ids.push_back({id});
    }
    return ids;
}

Result<void> Book::claim_credit(AccountId account, NanoUsd amount) {
    Account& to = accounts_.at(account.n);
    if (amount <= NanoUsd{0}) return refused(Errc::amount_invalid, "a credit is above zero");
    if (amount > kFundsMax - to.balance.funds - to.claimed) {
        return refused(Errc::amount_invalid,
                       "an account's credits stay within " + config::to_string(kFundsMax));
    }
    to.claimed += amount;
    return {};
}

void Book::keep_credit(AccountId account, NanoUsd amount) {
    give_up_credit(account, amount);
    accounts_.at(account.n).balance.funds += amount;
}

void Book::give_up_credit(AccountId account, NanoUsd amount) {
    accounts_.at(account.n).claimed -= amount;
}

void Book::refund(AccountId account, NanoUsd amount) {
    Balance& balance = accounts_.at(account.n).balance;
    ENSURE(amount >= NanoUsd{0} && amount <= balance.spent);
    balance.spent -= amount;
}

Book::Interned Book::intern_name(std::string_view text) {
    const auto at = name_ids_.find(text);
    if (at != name_ids_.end()) return {at->second, false};
    name_ids_.emplace(text, next_name_);
    return {next_name_++, true};
}

Book::Interned Book::intern_price(const AppliedPrice& price) {
    const auto [at, is_new] = price_ids_.try_emplace(price, next_price_);
    if (is_new) ++next_price_;
    return {at->second, is_new};
}

void Book::load_account(AccountId account, const std::string& name) {
    accounts_.insert_or_assign(account.n, Account{name, {}, {}, true});
    account_by_name_.insert_or_assign(name, account.n);
    next_account_ = std::max(next_account_, account.n + 1);
}

void Book::load_key(KeyId key) {
    next_key_ = std::max(next_key_, key.n + 1);
}

void Book::load_name(int64_t id, const std::string& text) {
    name_ids_.insert_or_assign(text, id);
    next_name_ = std::max(next_name_, id + 1);
}

bool Book::load_price(int64_t id, const PriceRow& row) {
    auto price = to_price(row);
    if (!price) return false;
    // Those of schema 1 are never applied again.
    if (!row.is_of_schema_1()) price_ids_.insert_or_assign(std::move(*price), id);
    next_price_ = std::max(next_price_, id + 1);
    return true;
}

bool Book::load_reserve(RequestId request, const Caller& caller, NanoUsd amount) {
    if (request.n < next_request_) return false;
    next_request_ = request.n;
    return reserve(caller, amount).has_value();
}

void Book::load_anchor(UnixMillis at, RequestId last_request) {
    advance(at);
    next_request_ = last_request.n + 1;
}

bool Book::load_balance(AccountId account, NanoUsd funds, NanoUsd spent) {
    if (spent < NanoUsd{0} || funds < spent || funds > kFundsMax) return false;
    accounts_.at(account.n).balance = {funds, {}, spent};
    return true;
}

bool Book::load_open_hold(RequestId request, const Caller& caller, NanoUsd amount) {
    const auto at = accounts_.find(caller.account.n);
    if (at == accounts_.end() || amount < NanoUsd{0} || open_.contains(request.n)) return false;
    if (at->second.balance.available() < amount) return false;
    open_hold_at(at->second.balance, request, caller, amount);
    return true;
}

bool Book::load_refund(AccountId account, NanoUsd amount) {
    const auto at = accounts_.find(account.n);
    if (at == accounts_.end() || amount <= NanoUsd{0} || amount > at->second.balance.spent)
        return false;
    refund(account, amount);
    return true;
}

void Book::load_refund_row(int64_t id) {
    next_refund_ = std::max(next_refund_, id + 1);
}

void Book::load_attempt(int64_t id) {
    last_attempt_ = std::max(last_attempt_, id);
}

bool Book::load_credit(AccountId account, NanoUsd amount) {
    if (!accounts_.contains(account.n) || !claim_credit(account, amount)) return false;
    keep_credit(account, amount);
    return true;
}

}  // namespace billing
