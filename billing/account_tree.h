#pragma once
// The accounts as a tree - organisation, team, project - and who pays for whom: one wallet per
// path, that of the nearest ancestor which has one. Plain memory that is copied freely: part of
// Book, of what anchors are made of and of what verify() recomputes.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "billing/types.h"

namespace billing {

inline constexpr size_t kAccountDepthMax = 8;

// As it was made. A root with a prepaid wallet is what every account of schema 1 is.
struct AccountRow {
    std::string name = {};  // of the last part of its path
    int64_t parent = 0;     // 0: a root
    Wallet wallet = Wallet::prepaid;
    NanoUsd credit_limit = {};  // a postpaid wallet's: how far it may be spent below zero
    bool is_of_schema_1() const { return parent == 0 && wallet == Wallet::prepaid; }
};

// What changed of an account, whole: the last one holds.
struct AccountTermsRow {
    int64_t account = 0;
    std::string name;
    NanoUsd credit_limit;
    bool is_closed = false;
};

class AccountTree {
public:
    struct Account {
        AccountRow row;
        bool is_closed = false;
    };

    // False: no such parent, too deep, a name twice, a limit that does not belong, or nobody pays.
    bool add(int64_t id, const AccountRow& row);
    bool change(const AccountTermsRow& terms);
    // One without children or keys.
    void remove(int64_t id);
    void add_key(int64_t key, int64_t account) { account_of_key_[key] = account; }

    const Account* find(int64_t id) const;
    AccountTermsRow terms(int64_t id) const;
    int64_t account_of_key(int64_t key) const;  // 0: no such key
    // "org/team/project"; 0: no such account.
    int64_t find_path(std::string_view path) const;
    std::string path(int64_t id) const;
    // Who pays; never 0 for an account that is there.
    int64_t payer(int64_t id) const;
    bool is_closed(int64_t id) const;  // or one that it belongs to
    // The account, its parent, and so on to the root.
    std::vector<int64_t> chain(int64_t id) const;
    bool is_within(int64_t id, int64_t ancestor) const;
    std::vector<int64_t> list() const;  // parents before children, by name

private:
    void list_below(int64_t parent, std::vector<int64_t>& ids) const;

    std::unordered_map<int64_t, Account> accounts_;
    std::map<std::pair<int64_t, std::string>, int64_t> children_;
    std::unordered_map<int64_t, int64_t> account_of_key_;
};

// 1 to 64 of A-Z a-z 0-9 . _ -
bool is_account_name(std::string_view name);

}  // namespace billing
