#include "billing/book.h"

#include <algorithm>

#include "config/ensure.h"

namespace billing {
namespace {

constexpr NanoUsd kFundsMax{9'000'000'000'000'000'000};  // below INT64_MAX: sums of balances fit

}  // namespace

UnixMillis Book::advance(UnixMillis now) {
    last_at_ = std::max(last_at_, now);
    return last_at_;
}

Result<RequestId> Book::reserve(const Caller& caller, NanoUsd amount, UnixMillis at, int64_t route,
                                const Budget** exceeded) {
    const OpenHold hold{caller, {tree_.payer(caller.account.n)}, amount, at, route};
    Account* wallet = wallet_of(hold);
    if (wallet == nullptr) return refused(Errc::account_unknown, {});
    if (tree_.is_closed(caller.account.n)) return refused(Errc::account_closed, {});
    if (amount < NanoUsd{0}) return refused(Errc::amount_invalid, "a hold below zero");
    const NanoUsd available =
        wallet->balance.available() + tree_.find(hold.payer.n)->row.credit_limit;
    if (available < amount) {
        return refused(Errc::insufficient_funds, "available " + config::to_string(available) +
                                                     ", needed " + config::to_string(amount));
    }
    const Spender asked = spender_of(next_request_, hold);
    if (const Budget* full = budgets_.first_exceeded(tree_, asked, amount)) {
        if (exceeded != nullptr) *exceeded = full;
        return refused(Errc::budget_exceeded, {});
    }
    const RequestId request{next_request_++};
    budgets_.hold(tree_, asked, amount);
    open_hold_at(wallet->balance, request, hold);
    return request;
}

Book::Account* Book::wallet_of(const OpenHold& hold) {
    const auto own = accounts_.find(hold.caller.account.n);
    if (own == accounts_.end() || !own->second.is_kept) return nullptr;
    const auto at = accounts_.find(hold.payer.n);
    return at == accounts_.end() ? nullptr : &at->second;
}

void Book::open_hold_at(Balance& balance, RequestId request, const OpenHold& hold) {
    open_.emplace(request.n, hold);
    balance.reserved += hold.amount;
    reserved_ += hold.amount;
}

std::optional<Book::Ended> Book::end(RequestId request, NanoUsd spent,
                                     std::vector<BudgetAlert>* alerts) {
    const auto at = open_.find(request.n);
    if (at == open_.end()) return std::nullopt;
    const OpenHold& hold = at->second;
    const Ended ended{hold.payer, hold.amount, hold.has_checkpoint};
    ENSURE(spent >= NanoUsd{0} && spent <= ended.held);
    Balance& balance = accounts_.at(ended.account.n).balance;
    balance.reserved -= ended.held;
    balance.spent += spent;
    reserved_ -= ended.held;
    budgets_.end(tree_, spender_of(request.n, hold), ended.held, spent, alerts);
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

void Book::undo_spent(const Entry& reserve, NanoUsd spent) {
    accounts_.at(reserve.get(Column::account)).balance.spent -= spent;
    budgets_.end(tree_, spender_of(reserve, tree_), {}, NanoUsd{} - spent);
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

Result<Book::Claimed> Book::claim_account(const NewAccount& account) {
    const size_t slash = account.path.rfind('/');
    AccountRow row{account.path.substr(slash == std::string::npos ? 0 : slash + 1), 0,
                   account.wallet, account.credit_limit};
    if (!is_account_name(row.name)) {
        return refused(Errc::name_invalid,
                       "each part of an account's path is 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    if (slash != std::string::npos) {
        const auto parent = find_account(account.path.substr(0, slash));
        if (!parent) return tl::unexpected(parent.error());
        row.parent = parent->n;
        if (tree_.is_closed(row.parent)) return refused(Errc::account_closed, account.path);
        if (tree_.chain(row.parent).size() >= kAccountDepthMax)
            return refused(Errc::name_invalid, "a path has at most 8 parts");
    }
    if (tree_.find_path(account.path) != 0) return refused(Errc::name_taken, account.path);
    if (row.parent == 0 && row.wallet == Wallet::none)
        return refused(Errc::amount_invalid,
                       "nobody above this account would pay: give it a wallet");
    if (!tree_.add(next_account_, row))
        return refused(Errc::amount_invalid,
                       "a credit limit is of a postpaid wallet, from 0 to 200000000.00 USD");
    const AccountId id{next_account_++};
    accounts_.emplace(id.n, Account{});
    return Claimed{id, std::move(row)};
}

void Book::keep_account(AccountId account) {
    accounts_.at(account.n).is_kept = true;
}

void Book::give_up_account(AccountId account) {
    tree_.remove(account.n);
    accounts_.erase(account.n);
}

Result<AccountId> Book::find_account(std::string_view path) const {
    const int64_t id = tree_.find_path(path);
    if (id == 0 || !accounts_.at(id).is_kept)
        return refused(Errc::account_unknown, std::string(path));
    return AccountId{id};
}

std::vector<AccountId> Book::accounts() const {
    std::vector<AccountId> ids;
    for (const int64_t id : tree_.list()) {
        if (accounts_.at(id).is_kept) ids.push_back({id});
    }
    return ids;
}

Result<void> Book::claim_credit(AccountId account, NanoUsd amount) {
    Account& to = accounts_.at(account.n);
    if (tree_.payer(account.n) != account.n)
        return refused(Errc::amount_invalid, "the account has no wallet: fund the one that pays");
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

Result<void> Book::take_credit(AccountId account, NanoUsd amount) {
    Balance& balance = accounts_.at(account.n).balance;
    if (amount <= NanoUsd{0}) return refused(Errc::amount_invalid, "what is taken is above zero");
    if (amount > balance.funds || balance.funds - amount < balance.spent) {
        return refused(Errc::amount_invalid,
                       "of the account's funds " + config::to_string(balance.funds) + " USD, " +
                           config::to_string(balance.spent) +
                           " USD are spent: no more can be taken than is left");
    }
    balance.funds -= amount;
    return {};
}

void Book::undo_take(AccountId account, NanoUsd amount) {
    accounts_.at(account.n).balance.funds += amount;
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
    names_.emplace(next_name_, text);
    return {next_name_++, true};
}

Book::Interned Book::intern_price(const AppliedPrice& price) {
    const auto [at, is_new] = price_ids_.try_emplace(price, next_price_);
    if (is_new) ++next_price_;
    return {at->second, is_new};
}

int64_t Book::find_name(std::string_view text) const {
    const auto at = name_ids_.find(text);
    return at == name_ids_.end() ? 0 : at->second;
}

std::string Book::name(int64_t id) const {
    const auto at = names_.find(id);
    return at == names_.end() ? std::string() : at->second;
}

bool Book::load_account(AccountId account, const AccountRow& row) {
    if (!tree_.add(account.n, row)) return false;
    accounts_.emplace(account.n, Account{{}, {}, true});
    next_account_ = std::max(next_account_, account.n + 1);
    return true;
}

bool Book::load_key(KeyId key, AccountId account) {
    if (!has_account(account)) return false;
    add_key(key, account);
    next_key_ = std::max(next_key_, key.n + 1);
    return true;
}

void Book::load_name(int64_t id, const std::string& text) {
    name_ids_.insert_or_assign(text, id);
    names_.insert_or_assign(id, text);
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

bool Book::load_reserve(const Entry& reserve) {
    const RequestId request{reserve.get(Column::request)};
    if (request.n < next_request_ || !load_open_hold(reserve)) return false;
    budgets_.hold(tree_, spender_of(reserve, tree_), {reserve.get(Column::amount)});
    next_request_ = request.n + 1;
    return true;
}

void Book::load_anchor(UnixMillis at, RequestId last_request) {
    advance(at);
    next_request_ = last_request.n + 1;
}

bool Book::load_balance(AccountId account, NanoUsd funds, NanoUsd spent) {
    if (spent < NanoUsd{0} || funds < NanoUsd{0} || funds > kFundsMax) return false;
    accounts_.at(account.n).balance = {funds, {}, spent};
    return true;
}

bool Book::load_open_hold(const Entry& reserve) {
    const RequestId request{reserve.get(Column::request)};
    const OpenHold hold = hold_of(reserve, tree_);
    Account* wallet = wallet_of(hold);
    const bool is_sound = wallet != nullptr && hold.payer.n == reserve.get(Column::account) &&
                          hold.amount >= NanoUsd{0} && !open_.contains(request.n);
    if (is_sound) open_hold_at(wallet->balance, request, hold);
    return is_sound;
}

bool Book::load_debit(AccountId account, NanoUsd amount) {
    return accounts_.contains(account.n) && take_credit(account, amount).has_value();
}

bool Book::load_budget(const BudgetRow& row) {
    if (!row.is_removed) return budgets_.define(row);
    budgets_.remove(row.number);
    return true;
}

void Book::load_row(Kind kind, int64_t id) {
    int64_t& last = last_rows_[kind == Kind::debit ? Kind::credit : kind];
    last = std::max(last, id);
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

Book::OpenHold hold_of(const Entry& reserve, const AccountTree& tree) {
    const int64_t key = reserve.get(Column::key);
    const int64_t account = tree.account_of_key(key);
    return {{{account}, {key}},
            {tree.payer(account)},
            {reserve.get(Column::amount)},
            {reserve.get(Column::at)},
            reserve.get(Column::route)};
}

Spender spender_of(int64_t request, const Book::OpenHold& hold) {
    return {request, hold.caller.account.n, hold.caller.key.n, hold.route, hold.at};
}

Spender spender_of(const Entry& reserve, const AccountTree& tree) {
    return spender_of(reserve.get(Column::request), hold_of(reserve, tree));
}

}  // namespace billing
