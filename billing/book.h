#pragma once
// The balances, budgets and open holds that admission decides by, and the numbers given to names
// and prices. Plain memory without locks or clocks: Desk guards it. Nothing here is an authority:
// all of it is the sum of the entries, and restore() builds it from them. Invariant: 0 <= reserved,
// 0 <= spent for every account; nothing is reserved beyond funds and credit limit of who pays, or
// beyond a budget of the request.
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "billing/billing.h"
#include "billing/definition.h"

namespace billing {

class Book {
public:
    struct OpenHold {
        Caller caller;
        AccountId payer;
        NanoUsd amount;
        UnixMillis at;                // of its RESERVE
        int64_t route = 0;            // of table names; 0: none that a budget could have
        bool has_checkpoint = false;  // on disk, or on the way there
    };
    struct Ended {
        AccountId account;  // that paid
        NanoUsd held;
        bool has_checkpoint;
    };

    // Instants never go back: the later of `now` and the last one.
    UnixMillis advance(UnixMillis now);
    UnixMillis last_at() const { return last_at_; }

    // Errors: account_unknown, account_closed, amount_invalid, insufficient_funds; budget_exceeded,
    // then `exceeded`, if given, says which.
    Result<RequestId> reserve(const Caller& caller, NanoUsd amount, UnixMillis at = {},
                              int64_t route = 0, const Budget** exceeded = nullptr);
    // The hold ends and `spent` of it is kept: never more than was held. Nothing, if it is not
    // open. Adds to `alerts`, if given, what the budgets have to tell.
    std::optional<Ended> end(RequestId request, NanoUsd spent,
                             std::vector<BudgetAlert>* alerts = nullptr);
    // False: it is not open.
    bool note_checkpoint(RequestId request);
    // The hold was never written.
    void undo_reserve(RequestId request);
    // The charge was never written, nor was `reserve`, the entry of its hold, which has ended.
    void undo_spent(const Entry& reserve, NanoUsd spent);
    std::optional<OpenHold> open_hold(RequestId request) const;
    std::vector<RequestId> open_requests() const;  // ascending
    RequestId last_request() const { return {next_request_ - 1}; }

    // An account is claimed while its entry is on the way, then kept or given up. `row.parent` is
    // what the path says. Errors: name_taken, name_invalid, account_unknown, amount_invalid.
    struct Claimed {
        AccountId account;
        AccountRow row;
    };
    Result<Claimed> claim_account(const NewAccount& account);
    void keep_account(AccountId account);
    void give_up_account(AccountId account);
    // Errors: account_unknown, for claimed ones too.
    Result<AccountId> find_account(std::string_view path) const;
    bool has_account(AccountId account) const { return tree_.find(account.n) != nullptr; }
    std::string account_name(AccountId account) const { return tree_.path(account.n); }
    std::vector<AccountId> accounts() const;  // parents before children
    const AccountTree& tree() const { return tree_; }
    bool change_account(const AccountTermsRow& terms) { return tree_.change(terms); }

    // A credit counts when it is on disk; until then it has its room. Errors: amount_invalid, for
    // an account without a wallet too.
    Result<void> claim_credit(AccountId account, NanoUsd amount);
    void keep_credit(AccountId account, NanoUsd amount);
    void give_up_credit(AccountId account, NanoUsd amount);
    // Taken at once; given back if it was not written. Errors: amount_invalid.
    Result<void> take_credit(AccountId account, NanoUsd amount);
    void undo_take(AccountId account, NanoUsd amount);
    Balance balance(AccountId account) const { return accounts_.at(account.n).balance; }

    // Gives back of what was spent, when that is on disk.
    void refund(AccountId account, NanoUsd amount);

    Budgets& budgets() { return budgets_; }
    const Budgets& budgets() const { return budgets_; }

    KeyId next_key() { return {next_key_++}; }
    void add_key(KeyId key, AccountId account) { tree_.add_key(key.n, account.n); }
    int64_t next_refund() { return next_refund_++; }
    // Of the tables account_terms, key_terms, key_secrets, budgets and credits.
    int64_t next_row(Kind kind) { return ++last_rows_[kind]; }
    // Of so many consecutive ids, the last.
    int64_t next_attempts(size_t n) { return last_attempt_ += static_cast<int64_t>(n); }

    // The number of a name or price, and whether it is new: then its definition must be queued
    // first.
    struct Interned {
        int64_t id;
        bool is_new;
    };
    Interned intern_name(std::string_view text);
    Interned intern_price(const AppliedPrice& price);
    int64_t find_name(std::string_view text) const;  // 0: none
    std::string name(int64_t id) const;

    Attributions& attributions() { return attributions_; }

    NanoUsd reserved() const { return reserved_; }
    int64_t n_open() const { return static_cast<int64_t>(open_.size()); }

    // What restore() puts back, in the order of the entries. False: no such row before it, or the
    // balances would not hold. Whether what was reserved was there is for verify().
    bool load_account(AccountId account, const AccountRow& row);
    bool load_key(KeyId key, AccountId account);
    void load_name(int64_t id, const std::string& text);
    bool load_price(int64_t id, const PriceRow& row);  // false: no price comes to it
    bool load_reserve(const Entry& reserve);
    bool load_credit(AccountId account, NanoUsd amount);
    bool load_debit(AccountId account, NanoUsd amount);
    bool load_refund(AccountId account, NanoUsd amount);
    bool load_budget(const BudgetRow& row);
    void load_refund_row(int64_t id);
    void load_row(Kind kind, int64_t id);
    void load_credit_row(int64_t id) { load_row(Kind::credit, id); }
    void load_attempt(int64_t id);
    // Instead of all entries up to an anchor: its scalars, each account's balance but for what is
    // reserved, then the open holds.
    void load_anchor(UnixMillis at, RequestId last_request);
    bool load_balance(AccountId account, NanoUsd funds, NanoUsd spent);
    bool load_open_hold(const Entry& reserve);

private:
    struct Account {
        Balance balance;
        NanoUsd claimed = {};  // credits on the way
        bool is_kept = false;
    };

    Account* wallet_of(const OpenHold& hold);
    void open_hold_at(Balance& balance, RequestId request, const OpenHold& hold);

    UnixMillis last_at_;
    AccountTree tree_;
    Budgets budgets_;
    std::unordered_map<int64_t, Account> accounts_;
    std::unordered_map<int64_t, OpenHold> open_;
    std::map<std::string, int64_t, std::less<>> name_ids_;
    std::unordered_map<int64_t, std::string> names_;
    std::map<AppliedPrice, int64_t> price_ids_;
    std::map<Kind, int64_t> last_rows_;
    Attributions attributions_;
    NanoUsd reserved_;
    int64_t next_account_ = 1, next_key_ = 1, next_request_ = 1, next_name_ = 1, next_price_ = 1,
            next_refund_ = 1, last_attempt_ = 0;
};

// What a RESERVE entry says of the hold that it opens, and as whose spending budgets count it.
Book::OpenHold hold_of(const Entry& reserve, const AccountTree& tree);
Spender spender_of(int64_t request, const Book::OpenHold& hold);
Spender spender_of(const Entry& reserve, const AccountTree& tree);

}  // namespace billing
