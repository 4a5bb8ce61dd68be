#pragma once
// What the entries on disk come to, entry by entry: what anchors are made of. The book is ahead of
// it by what is still queued. One thread.
#include <set>
#include <unordered_map>
#include <vector>

#include "billing/anchor.h"
#include "billing/book.h"
#include "billing/key_ring.h"

namespace billing {

class Tally {
public:
    // Of a book and keys with nothing queued: all that they hold is on disk.
    Tally(const Book& book, const KeyRing& keys);

    // The next entry, which the ledger took, and the row that it brought, or null.
    void add(const Entry& entry, const Definition* definition);

    // Everything, or what changed since the last settle_changes(), as the anchor at `head`.
    Anchor full(const ChainHead& head) const;
    Anchor changes(const ChainHead& head) const;
    // The file has them.
    void settle_changes();
    // What differs from `standing` counts as changed, beside what changed already.
    void mark_changes(const Standing& standing);

    int64_t n_open() const { return static_cast<int64_t>(open_.size()); }

private:
    struct Account {
        Balance balance;
        bool is_changed = false;
    };

    Account& touch(int64_t account);
    void touch_budgets(const std::vector<int64_t>& numbers);
    void add_key_entry(const Entry& entry);
    void add_definition(int64_t id, const Definition& definition);
    std::optional<BudgetUse> use_of(int64_t budget) const;
    Standing scalars(const ChainHead& head) const;

    UnixMillis at_;
    RequestId last_request_;
    std::unordered_map<int64_t, Account> accounts_;
    std::unordered_map<int64_t, Book::OpenHold> open_;
    std::map<int64_t, AnchoredKey> keys_;
    AccountTree tree_;
    Budgets budgets_;
    std::vector<int64_t> changed_accounts_, changed_keys_;
    std::set<int64_t> changed_budgets_;
};

}  // namespace billing
