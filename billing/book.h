#pragma once
// The balances and open holds that admission decides by, and the numbers given to names and prices.
// Plain memory without locks or clocks: Desk guards it. Nothing here is an authority: all of it is
// the sum of the entries, and restore() builds it from them. Invariant: 0 <= reserved, 0 <= spent,
// spent + reserved <= funds, for every account.
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "billing/definition.h"

namespace billing {

class Book {
public:
    struct OpenHold {
        Caller caller;
        NanoUsd amount;
        bool has_checkpoint = false;  // on disk, or on the way there
    };
    struct Ended {
        AccountId account;
        NanoUsd held;
        bool has_checkpoint;
    };

    // Instants never go back: the later of `now` and the last one.
    UnixMillis advance(UnixMillis now);
    UnixMillis last_at() const { return last_at_; }

    // Errors: account_unknown, amount_invalid, insufficient_funds.
    Result<RequestId> reserve(const Caller& caller, NanoUsd amount);
    // The hold ends and `spent` of it is kept: never more than was held. Nothing, if it is not
    // open.
    std::optional<Ended> end(RequestId request, NanoUsd spent);
    // False: it is not open.
    bool note_checkpoint(RequestId request);
    // The hold was never written.
    void undo_reserve(RequestId request);
    // The charge was never written; its hold has ended.
    void undo_spent(AccountId account, NanoUsd spent);
    std::optional<OpenHold> open_hold(RequestId request) const;
    std::vector<RequestId> open_requests() const;  // ascending
    RequestId last_request() const { return {next_request_ - 1}; }

    // An account is claimed while its entry is on the way, then kept or given up.
    // Errors: name_taken, name_invalid.
    Result<AccountId> claim_account(const std::string& name);
    void keep_account(AccountId account);
    void give_up_account(AccountId account);
    // Errors: account_unknown, for claimed ones too.
    Result<AccountId> find_account(std::string_view name) const;
    bool has_account(AccountId account) const { return accounts_.contains(account.n); }
    const std::string& account_name(AccountId account) const {
        return accounts_.at(account.n).name;
    }
    std::vector<std::string> account_names() const;
    std::vector<AccountId> accounts() const;  // in no order

    // A credit counts when it is on disk; until then it has its room. Errors: amount_invalid.
    Result<void> claim_credit(AccountId account, NanoUsd amount);
    void keep_credit(AccountId account, NanoUsd amount);
    void give_up_credit(AccountId account, NanoUsd amount);
    Balance balance(AccountId account) const { return accounts_.at(account.n).balance; }

    // Gives back of what was spent, when that is on disk.
    void refund(AccountId account, NanoUsd amount);

    KeyId next_key() { return {next_key_++}; }
    int64_t next_refund() { return next_refund_++; }
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

    Attributions& attributions() { return attributions_; }

    NanoUsd reserved() const { return reserved_; }
    int64_t n_open() const { return static_cast<int64_t>(open_.size()); }

    // What restore() puts back, in the order of the entries. False: no such row before it, or the
    // invariant would break.
    void load_account(AccountId account, const std::string& name);
    void load_key(KeyId key);
    void load_name(int64_t id, const std::string& text);
    bool load_price(int64_t id, const PriceRow& row);  // false: no price comes to it
    bool load_reserve(RequestId request, const Caller& caller, NanoUsd amount);
    bool load_credit(AccountId account, NanoUsd amount);
    bool load_refund(AccountId account, NanoUsd amount);
    void load_refund_row(int64_t id);
    void load_attempt(int64_t id);
    // Instead of all entries up to an anchor: its scalars, each account's balance but for what is
    // reserved, then the open holds.
    void load_anchor(UnixMillis at, RequestId last_request);
    bool load_balance(AccountId account, NanoUsd funds, NanoUsd spent);
    bool load_open_hold(RequestId request, const Caller& caller, NanoUsd amount);

private:
    void open_hold_at(Balance& balance, RequestId request, const Caller& caller, NanoUsd amount);

    struct Account {
        std::string name;
        Balance balance;
        NanoUsd claimed;  // credits on the way
        bool is_kept = false;
    };

    UnixMillis last_at_;
    std::unordered_map<int64_t, Account> accounts_;
    std::map<std::string, int64_t, std::less<>> account_by_name_;
    std::unordered_map<int64_t, OpenHold> open_;
    std::map<std::string, int64_t, std::less<>> name_ids_;
    std::map<AppliedPrice, int64_t> price_ids_;
    Attributions attributions_;
    NanoUsd reserved_;
    int64_t next_account_ = 1, next_key_ = 1, next_request_ = 1, next_name_ = 1, next_price_ = 1,
            next_refund_ = 1, last_attempt_ = 0;
};

}  // namespace billing
