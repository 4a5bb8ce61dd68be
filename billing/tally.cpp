#include "billing/tally.h"

#include <algorithm>

#include "config/ensure.h"

namespace billing {

Tally::Tally(const Book& book, const KeyRing& keys)
    : at_(book.last_at()),
      last_request_(book.last_request()),
      tree_(book.tree()),
      budgets_(book.budgets()) {
    for (const AccountId account : book.accounts())
        accounts_.emplace(account.n, Account{book.balance(account)});
    for (const RequestId request : book.open_requests())
        open_.emplace(request.n, *book.open_hold(request));
    for (const KeyInfo& key : keys.list())
        keys_.emplace(key.id.n, AnchoredKey{key.created_at, key.enabled});
}

void Tally::add(const Entry& entry, const Definition* definition) {
    at_ = {entry.get(Column::at)};
    const int64_t request = entry.get(Column::request);
    const NanoUsd amount{entry.get(Column::amount)};
    switch (static_cast<Kind>(entry.get(Column::kind))) {
        case Kind::reserve: {
            touch(entry.get(Column::account)).balance.reserved += amount;
            open_.emplace(request, hold_of(entry, tree_));
            touch_budgets(budgets_.hold(tree_, spender_of(entry, tree_), amount));
            last_request_ = {request};
            break;
        }
        case Kind::settle:
        case Kind::release: {
            const auto at = open_.find(request);
            ENSURE(at != open_.end());
            const Book::OpenHold& hold = at->second;
            Balance& balance = touch(hold.payer.n).balance;
            balance.reserved -= hold.amount;
            balance.spent += amount;  // a RELEASE has none
            touch_budgets(budgets_.end(tree_, spender_of(request, hold), hold.amount, amount));
            open_.erase(at);
            break;
        }
        case Kind::credit:
            touch(entry.get(Column::account)).balance.funds += amount;
            break;
        case Kind::debit:
            touch(entry.get(Column::account)).balance.funds -= amount;
            break;
        case Kind::refund:
            touch(entry.get(Column::account)).balance.spent -= amount;
            break;
        case Kind::key:
        case Kind::key_disabled:
        case Kind::key_enabled:
            add_key_entry(entry);
            break;
        case Kind::account:
        case Kind::account_terms:
        case Kind::budget:
            ENSURE(definition != nullptr);
            add_definition(entry.get(Column::subject), *definition);
            break;
        case Kind::key_terms:
        case Kind::key_secret:
        case Kind::name:
        case Kind::attribution:
        case Kind::price:
        case Kind::cut:
            break;
    }
}

void Tally::add_key_entry(const Entry& entry) {
    const int64_t key = entry.get(Column::subject);
    if (entry.is(Kind::key)) {
        keys_[key] = {at_, true};
        tree_.add_key(key, entry.get(Column::account));
    } else {
        keys_.at(key).enabled = entry.is(Kind::key_enabled);
    }
    changed_keys_.push_back(key);
}

void Tally::add_definition(int64_t id, const Definition& definition) {
    if (const auto* account = std::get_if<AccountRow>(&definition)) {
        ENSURE(tree_.add(id, *account));
        touch(id);
    } else if (const auto* terms = std::get_if<AccountTermsRow>(&definition)) {
        ENSURE(tree_.change(*terms));
    } else if (const auto* row = std::get_if<BudgetRow>(&definition)) {
        if (row->is_removed)
            budgets_.remove(row->number);
        else
            ENSURE(budgets_.define(*row));
        changed_budgets_.insert(row->number);
    }
}

void Tally::touch_budgets(const std::vector<int64_t>& numbers) {
    changed_budgets_.insert(numbers.begin(), numbers.end());
}

std::optional<BudgetUse> Tally::use_of(int64_t budget) const {
    const Budget* there = budgets_.find(budget);
    if (there == nullptr) return std::nullopt;
    return there->use;
}

Tally::Account& Tally::touch(int64_t account) {
    Account& at = accounts_[account];
    if (!at.is_changed) {
        at.is_changed = true;
        changed_accounts_.push_back(account);
    }
    return at;
}

Standing Tally::scalars(const ChainHead& head) const {
    Standing standing;
    standing.head = head;
    standing.at = at_;
    standing.last_request = last_request_;
    const auto oldest =
        std::ranges::min_element(open_, {}, [](const auto& hold) { return hold.first; });
    if (oldest != open_.end()) standing.oldest_open = {oldest->first};
    return standing;
}

Anchor Tally::full(const ChainHead& head) const {
    Anchor anchor{true, scalars(head)};
    for (const auto& [id, account] : accounts_)
        anchor.standing.accounts.emplace(id, account.balance);
    anchor.standing.keys = keys_;
    for (const Budget* budget : budgets_.list())
        anchor.standing.budgets.emplace(budget->row.number, budget->use);
    return anchor;
}

Anchor Tally::changes(const ChainHead& head) const {
    Anchor anchor{false, scalars(head)};
    for (const int64_t id : changed_accounts_)
        anchor.standing.accounts.emplace(id, accounts_.at(id).balance);
    for (const int64_t id : changed_keys_) anchor.standing.keys[id] = keys_.at(id);
    for (const int64_t id : changed_budgets_) anchor.standing.budgets[id] = use_of(id);
    return anchor;
}

void Tally::settle_changes() {
    for (const int64_t id : changed_accounts_) accounts_.at(id).is_changed = false;
    changed_accounts_.clear();
    changed_keys_.clear();
    changed_budgets_.clear();
}

void Tally::mark_changes(const Standing& standing) {
    for (const auto& [id, account] : accounts_) {
        const auto at = standing.accounts.find(id);
        if (at == standing.accounts.end() || at->second != account.balance) touch(id);
    }
    for (const auto& [id, key] : keys_) {
        const auto at = standing.keys.find(id);
        if (at == standing.keys.end() || at->second != key) changed_keys_.push_back(id);
    }
    for (const auto& [id, use] : standing.budgets) {
        if (use_of(id) != use) changed_budgets_.insert(id);
    }
    for (const Budget* budget : budgets_.list()) {
        if (!standing.budgets.contains(budget->row.number))
            changed_budgets_.insert(budget->row.number);
    }
}

}  // namespace billing
