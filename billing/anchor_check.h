#pragma once
// Holds the anchors of a ledger to its entries, of which it is told one by one.
#include <unordered_set>

#include "billing/anchor_file.h"
#include "billing/audit.h"

namespace billing {

class AnchorCheck {
public:
    // Looks at the file as it is now: anchors of entries that come later are not among them.
    explicit AnchorCheck(const std::filesystem::path& ledger);

    // The entries up to there were cut away, and so came to this: before add().
    void begin(const Standing& standing);
    // The next entry: the end of the chain is `head` then, and `audit` has checked it: what it
    // touched of budgets is told there.
    void add(const Entry& entry, const ChainHead& head, const Audit& audit);
    // All entries are told, the last was `head`.
    void finish(const ChainHead& head);

    bool has_file() const { return reader_.has_value(); }
    int64_t n_anchors() const { return n_anchors_; }  // that agree
    // The first thing that is wrong with the file or between it and the entries; empty if nothing.
    const std::string& wrong() const { return wrong_; }

private:
    void read_next();
    void note_change(const Entry& entry);
    std::string compare(const ChainHead& head, const Audit& audit) const;
    std::string compare_accounts(const Audit& audit) const;
    std::string compare_keys() const;
    std::string compare_budgets(const Audit& audit) const;

    std::optional<AnchorReader> reader_;
    std::optional<Anchor> next_;
    Standing last_;  // what the anchors that agree come to
    int64_t n_anchors_ = 0;
    std::string wrong_;
    UnixMillis at_;
    std::map<int64_t, AnchoredKey> keys_;
    std::unordered_set<int64_t> changed_accounts_, changed_keys_,
        changed_budgets_;  // of entries since the last anchor
};

}  // namespace billing
