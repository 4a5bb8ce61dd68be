#pragma once
// What entries must say besides a true hash: each follows from those before it and from its own
// columns.
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "billing/book.h"

namespace billing {

struct Cut;

class Audit {
public:
    Audit() = default;
    // Of the entries behind a cut. Errors: ledger_broken, if it is not the standing of the rows.
    static Result<Audit> behind(Database& database, const Cut& cut);

    // What is wrong with the next entry; empty if nothing. `charge` is the end of the request that
    // a refund is of, if an entry before it says so.
    std::string check(const Entry& entry, const std::optional<Definition>& definition,
                      const std::optional<Entry>& charge = std::nullopt);

    int64_t n_open() const { return static_cast<int64_t>(open_.size()); }
    // What the entries so far come to.
    const Balance* balance(int64_t account) const;  // null: no such account
    size_t n_accounts() const { return balances_.size(); }
    const Budgets& budgets() const { return budgets_; }
    // By the last entry.
    const std::vector<int64_t>& touched_budgets() const { return touched_budgets_; }
    int64_t last_request() const { return last_request_; }
    int64_t oldest_open() const;  // 0: none
    // How many rows the entries so far brought into the table of this kind.
    int64_t n_defined(Kind kind) const;
    int64_t n_attempts() const { return n_attempts_; }

private:
    struct Owner {
        int64_t account, key;
    };

    std::string check_columns(const Entry& entry) const;
    std::string check_reserve(const Entry& entry);
    std::string check_settle(const Entry& entry);
    std::string check_release(const Entry& entry);
    std::string check_credit(const Entry& entry, const std::optional<Definition>& definition);
    std::string check_end(const Entry& entry, const std::string& verb) const;
    void end_hold(int64_t request, NanoUsd spent);
    std::string check_attempts(const Entry& entry, const std::optional<Definition>& definition);
    std::string check_attempt(const AttemptRow& row) const;
    std::string check_refund(const Entry& entry, const std::optional<Definition>& definition,
                             const std::optional<Entry>& charge);
    std::string check_definition(Kind kind, const Entry& entry, const Definition& definition);
    std::string check_row(const Entry& entry, const AccountRow& row);
    std::string check_row(const Entry& entry, const KeyRow& row);
    std::string check_row(const Entry& entry, const NameRow& row);
    std::string check_row(const Entry& entry, const PriceRow& row);
    std::string check_row(const Entry& entry, const RefundRow& row);
    std::string check_row(const Entry& entry, const Attempts& row);
    std::string check_row(const Entry& entry, const AttributionRow& row);
    std::string check_row(const Entry& entry, const AccountTermsRow& row);
    std::string check_row(const Entry& entry, const KeyTermsRow& row);
    std::string check_row(const Entry& entry, const KeySecretRow& row);
    std::string check_row(const Entry& entry, const BudgetRow& row);
    std::string check_row(const Entry& entry, const CreditRow& row);
    std::string check_row(const Entry& entry, const CutRow& row);
    bool take_word(int64_t id, const Definition& definition);
    bool is_name(const Entry& entry, Column column) const;

    std::unique_ptr<Sha256> sha256_ = std::make_unique<Sha256>();
    int64_t last_at_ = 0, last_request_ = 0, last_attempt_ = 0, n_attempts_ = 0;
    std::map<Kind, int64_t> last_id_, n_defined_;
    std::unordered_map<int64_t, Balance> balances_;
    AccountTree tree_;
    Budgets budgets_;
    std::vector<int64_t> touched_budgets_;
    std::unordered_map<int64_t, AppliedPrice> prices_;
    std::unordered_set<int64_t> names_;
    std::unordered_map<int64_t, Book::OpenHold> open_;
    std::unordered_map<int64_t, Owner> attributions_;
    std::unordered_map<int64_t, NanoUsd> refunded_;  // of requests with a refund
};

}  // namespace billing
