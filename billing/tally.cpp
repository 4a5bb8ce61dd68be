#include "billing/tally.h"

#include <algorithm>

#include "config/ensure.h"

namespace billing {

Tally::Tally(const Book& book, const KeyRing& keys)
    : at_(book.last_at()), last_request_(book.last_request()) {
    for (const AccountId account : book.accounts())
        accounts_.emplace(account.n, Account{book.balance(account)});
    for (const RequestId request : book.open_requests()) {
        const auto hold = book.open_hold(request);
        open_.emplace(request.n, OpenHold{hold->caller.account.n, hold->amount});
    }
    for (const KeyInfo& key : keys.list())
        keys_.emplace(key.id.n, AnchoredKey{key.created_at, key.enabled});
}

void Tally::add(const Entry& entry) {
    at_ = {entry.get(Column::at)};
    const int64_t request = entry.get(Column::request);
    const int64_t subject = entry.get(Column::subject);
    const NanoUsd amount{entry.get(Column::amount)};
    switch (static_cast<Kind>(entry.get(Column::kind))) {
        case Kind::reserve: {
            const int64_t account = entry.get(Column::account);
            touch(account).balance.reserved += amount;
            open_.emplace(request, OpenHold{account, amount});
            last_request_ = {request};
            break;
        }
        case Kind::settle:
        case Kind::release: {
            const auto hold = open_.find(request);
            ENSURE(hold != open_.end());
            Balance& balance = touch(hold->second.account).balance;
            balance.reserved -= hold->second.amount;
            balance.spent += amount;  // a RELEASE has none
            open_.erase(hold);
            break;
        }
        case Kind::credit:
            touch(entry.get(Column::account)).balance.funds += amount;
            break;
        case Kind::refund:
            touch(entry.get(Column::account)).balance.spent -= amount;
            break;
        case Kind::account:
            touch(subject);
            break;
        case Kind::key:
            keys_[subject] = {at_, true};
            changed_keys_.push_back(subject);
            break;
        case Kind::key_disabled:
            keys_.at(subject).enabled = false;
            changed_keys_.push_back(subject);
            break;
        case Kind::name:
        case Kind::attribution:
        case Kind::price:
            break;
    }
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
    return anchor;
}

Anchor Tally::changes(const ChainHead& head) const {
    Anchor anchor{false, scalars(head)};
    for (const int64_t id : changed_accounts_)
        anchor.standing.accounts.emplace(id, accounts_.at(id).balance);
    for (const int64_t id : changed_keys_) anchor.standing.keys[id] = keys_.at(id);
    return anchor;
}

void Tally::settle_changes() {
    for (const int64_t id : changed_accounts_) accounts_.at(id).is_changed = false;
    changed_accounts_.clear();
    changed_keys_.clear();
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
}

}  // namespace billing
