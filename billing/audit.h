#pragma once
// What entries must say besides a true hash: each follows from those before it and from its own
// columns.
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "billing/definition.h"

namespace billing {

class Audit {
public:
    // What is wrong with the next entry; empty if nothing. `charge` is the end of the request that
    // a refund is of, if an entry before it says so.
    std::string check(const Entry& entry, const std::optional<Definition>& definition,
                      const std::optional<Entry>& charge = std::nullopt);

    int64_t n_open() const { return static_cast<int64_t>(open_.size()); }
    // What the entries so far come to.
    const Balance* balance(int64_t account) const;  // null: no such account
    size_t n_accounts() const { return balances_.size(); }
    int64_t last_request() const { return last_request_; }
    int64_t oldest_open() const;  // 0: none
    // How many rows the entries so far brought into the table of this kind.
    int64_t n_defined(Kind kind) const;
    int64_t n_attempts() const { return n_attempts_; }

private:
    struct OpenHold {
        int64_t account;
        NanoUsd amount;
        UnixMillis at;
    };

    struct Owner {
        int64_t account, key;
    };

    std::string check_columns(const Entry& entry) const;
    std::string check_reserve(const Entry& entry);
    std::string check_settle(const Entry& entry);
    std::string check_release(const Entry& entry);
    std::string check_credit(const Entry& entry);
    std::string check_attempts(const Entry& entry, const std::optional<Definition>& definition);
    std::string check_attempt(const AttemptRow& row) const;
    std::string check_refund(const Entry& entry, const std::optional<Definition>& definition,
                             const std::optional<Entry>& charge);
    std::string check_price(int64_t id, const PriceRow& row);
    std::string check_definition(Kind kind, const Entry& entry, const Definition& definition);
    bool is_name(const Entry& entry, Column column) const;

    Sha256 sha256_;
    int64_t last_at_ = 0, last_request_ = 0, last_attempt_ = 0, n_attempts_ = 0;
    std::map<Kind, int64_t> last_id_, n_defined_;
    std::unordered_map<int64_t, Balance> balances_;
    std::unordered_map<int64_t, int64_t> account_of_key_;
    std::unordered_map<int64_t, AppliedPrice> prices_;
    std::unordered_set<int64_t> names_;
    std::unordered_map<int64_t, OpenHold> open_;
    std::unordered_map<int64_t, Owner> attributions_;
    std::unordered_map<int64_t, NanoUsd> refunded_;  // of requests with a refund
};

}  // namespace billing
