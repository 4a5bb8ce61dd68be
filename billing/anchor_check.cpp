#include "billing/anchor_check.h"

#include <algorithm>

namespace billing {

AnchorCheck::AnchorCheck(const std::filesystem::path& ledger) {
    auto reader = AnchorReader::open(anchors_of(ledger));
    if (!reader) {
        wrong_ = reader.error().detail;
        return;
    }
    if (!*reader) return;
    reader_.emplace(std::move(**reader));
    read_next();
}

void AnchorCheck::read_next() {
    auto next = reader_->next();
    if (next) {
        next_ = std::move(*next);
    } else {
        next_.reset();
        wrong_ = next.error().detail;
    }
}

void AnchorCheck::begin(const Standing& standing) {
    for (; next_ && next_->standing.head.seq <= standing.head.seq; read_next()) {
        if (next_->standing.head.seq == standing.head.seq &&
            next_->standing.head.hash != standing.head.hash) {
            wrong_ = reader_->place() + ": the cut at entry " + std::to_string(standing.head.seq) +
                     " has another hash there";
            next_.reset();
            return;
        }
    }
    last_ = standing;
    at_ = standing.at;
    keys_ = standing.keys;
}

void AnchorCheck::add(const Entry& entry, const ChainHead& head, const Audit& audit) {
    note_change(entry);
    changed_budgets_.insert(audit.touched_budgets().begin(), audit.touched_budgets().end());
    if (!next_ || next_->standing.head.seq != head.seq) return;
    const std::string differs = compare(head, audit);
    if (!differs.empty()) {
        wrong_ = reader_->place() + ": " + differs;
        next_.reset();
        return;
    }
    ++n_anchors_;
    advance(last_, *next_);
    changed_accounts_.clear();
    changed_keys_.clear();
    changed_budgets_.clear();
    read_next();
}

void AnchorCheck::note_change(const Entry& entry) {
    at_ = {entry.get(Column::at)};
    const int64_t subject = entry.get(Column::subject);
    switch (static_cast<Kind>(entry.get(Column::kind))) {
        case Kind::reserve:
        case Kind::settle:
        case Kind::release:
        case Kind::credit:
        case Kind::debit:
        case Kind::refund:
            changed_accounts_.insert(entry.get(Column::account));
            break;
        case Kind::account:
            changed_accounts_.insert(subject);
            break;
        case Kind::key:
            keys_[subject] = {at_, true};
            changed_keys_.insert(subject);
            break;
        case Kind::key_disabled:
        case Kind::key_enabled:
            keys_[subject].enabled = entry.is(Kind::key_enabled);
            changed_keys_.insert(subject);
            break;
        case Kind::account_terms:
        case Kind::key_terms:
        case Kind::key_secret:
        case Kind::budget:
        case Kind::name:
        case Kind::attribution:
        case Kind::price:
        case Kind::cut:
            break;
    }
}

std::string AnchorCheck::compare(const ChainHead& head, const Audit& audit) const {
    const Standing& standing = next_->standing;
    const std::string at = "entry " + std::to_string(head.seq);
    if (standing.head.hash != head.hash) {
        return at + " has the hash " + to_hex(head.hash) + ", its anchor says " +
               to_hex(standing.head.hash) +
               ": the entries up to it were made anew, or the anchors are of another ledger";
    }
    if (standing.at != at_) return "the instant of " + at + " is another";
    if (standing.last_request.n != audit.last_request())
        return "the last request at " + at + " is " + std::to_string(audit.last_request());
    if (standing.oldest_open.n != audit.oldest_open())
        return "the oldest open hold at " + at + " is of request " +
               std::to_string(audit.oldest_open());
    std::string differs = compare_accounts(audit);
    if (differs.empty()) differs = compare_keys();
    if (differs.empty()) differs = compare_budgets(audit);
    return differs.empty() ? "" : differs + " at " + at;
}

std::string AnchorCheck::compare_accounts(const Audit& audit) const {
    const auto& accounts = next_->standing.accounts;
    for (const auto& [id, balance] : accounts) {
        const Balance* right = audit.balance(id);
        const std::string what = "account " + std::to_string(id);
        if (right == nullptr) return "there is no " + what;
        if (*right != balance) {
            return what + " has funds " + config::to_string(right->funds) + ", reserved " +
                   config::to_string(right->reserved) + ", spent " +
                   config::to_string(right->spent) + " by the entries, not what the anchor says,";
        }
    }
    for (const int64_t id : changed_accounts_) {
        if (accounts.contains(id)) continue;
        const auto last = last_.accounts.find(id);
        const bool is_same = last != last_.accounts.end() && last->second == *audit.balance(id);
        if (next_->is_full || !is_same) return "account " + std::to_string(id) + " is left out";
    }
    if (next_->is_full && accounts.size() != audit.n_accounts()) return "an account is left out";
    return "";
}

std::string AnchorCheck::compare_keys() const {
    const auto& keys = next_->standing.keys;
    for (const auto& [id, key] : keys) {
        const auto right = keys_.find(id);
        if (right == keys_.end() || right->second != key)
            return "key " + std::to_string(id) + " is another";
    }
    for (const int64_t id : changed_keys_) {
        if (keys.contains(id)) continue;
        const auto last = last_.keys.find(id);
        const bool is_same = last != last_.keys.end() && last->second == keys_.at(id);
        if (next_->is_full || !is_same) return "key " + std::to_string(id) + " is left out";
    }
    if (next_->is_full && keys.size() != keys_.size()) return "a key is left out";
    return "";
}

std::string AnchorCheck::compare_budgets(const Audit& audit) const {
    const auto& budgets = next_->standing.budgets;
    for (const auto& [id, use] : budgets) {
        const std::string what = "budget " + std::to_string(id);
        const Budget* right = audit.budgets().find(id);
        if (use.has_value() != (right != nullptr)) return "there is no " + what;
        if (use && right->use != *use) {
            return what + " has reserved " + config::to_string(right->use.reserved) + ", spent " +
                   config::to_string(right->use.spent) +
                   " by the entries, not what the anchor says,";
        }
    }
    for (const int64_t id : changed_budgets_) {
        if (budgets.contains(id)) continue;
        const Budget* right = audit.budgets().find(id);
        const auto last = last_.budgets.find(id);
        const bool was_there = last != last_.budgets.end();
        const bool is_same =
            right == nullptr ? !was_there : was_there && right->use == last->second;
        if (!is_same) return "budget " + std::to_string(id) + " is left out";
    }
    if (next_->is_full && budgets.size() != audit.budgets().list().size())
        return "a budget is left out";
    return "";
}

void AnchorCheck::finish(const ChainHead& head) {
    if (!next_) return;
    Standing last = next_->standing;
    for (; next_; read_next()) last = next_->standing;
    if (!wrong_.empty()) return;  // the file is not right in itself
    wrong_ = "the ledger ends at entry " + std::to_string(head.seq) + ", its anchors reach entry " +
             std::to_string(last.head.seq) + " of " + config::to_rfc3339(last.at) +
             ": the entries between are gone, or an older copy of the ledger was put back";
}

}  // namespace billing
