#include "billing/account_tree.h"

#include <algorithm>

namespace billing {
namespace {

// 200 million USD: with the most that funds can be the sum fits.
constexpr NanoUsd kCreditLimitMax{200'000'000'000'000'000};

}  // namespace

bool AccountTree::add(int64_t id, const AccountRow& row) {
    const bool is_sound = row.wallet <= Wallet::postpaid && row.credit_limit >= NanoUsd{0} &&
                          row.credit_limit <= kCreditLimitMax &&
                          (row.wallet == Wallet::postpaid || row.credit_limit == NanoUsd{0});
    if (!is_sound || accounts_.contains(id) || children_.contains({row.parent, row.name}))
        return false;
    const bool is_placed = row.parent == 0
                               ? row.wallet != Wallet::none
                               : find(row.parent) && chain(row.parent).size() < kAccountDepthMax;
    if (!is_placed) return false;
    accounts_.emplace(id, Account{row});
    children_.emplace(std::pair(row.parent, row.name), id);
    return true;
}

bool AccountTree::change(const AccountTermsRow& terms) {
    const auto at = accounts_.find(terms.account);
    if (at == accounts_.end()) return false;
    AccountRow& row = at->second.row;
    if (terms.credit_limit != row.credit_limit &&
        (row.wallet != Wallet::postpaid || terms.credit_limit < NanoUsd{0} ||
         terms.credit_limit > kCreditLimitMax))
        return false;
    if (terms.name != row.name) {
        if (!children_.emplace(std::pair(row.parent, terms.name), terms.account).second)
            return false;
        children_.erase({row.parent, row.name});
        row.name = terms.name;
    }
    row.credit_limit = terms.credit_limit;
    at->second.is_closed = terms.is_closed;
    return true;
}

void AccountTree::remove(int64_t id) {
    const auto at = accounts_.find(id);
    if (at == accounts_.end()) return;
    children_.erase({at->second.row.parent, at->second.row.name});
    accounts_.erase(at);
}

const AccountTree::Account* AccountTree::find(int64_t id) const {
    const auto at = accounts_.find(id);
    return at == accounts_.end() ? nullptr : &at->second;
}

AccountTermsRow AccountTree::terms(int64_t id) const {
    const Account& account = accounts_.at(id);
    return {id, account.row.name, account.row.credit_limit, account.is_closed};
}

int64_t AccountTree::account_of_key(int64_t key) const {
    const auto at = account_of_key_.find(key);
    return at == account_of_key_.end() ? 0 : at->second;
}

int64_t AccountTree::find_path(std::string_view path) const {
    int64_t id = 0;
    for (;;) {
        const size_t slash = path.find('/');
        const auto at = children_.find({id, std::string(path.substr(0, slash))});
        if (at == children_.end()) return 0;
        id = at->second;
        if (slash == path.npos) return id;
        path.remove_prefix(slash + 1);
    }
}

std::string AccountTree::path(int64_t id) const {
    std::string text;
    for (const int64_t each : chain(id)) {
        const std::string& name = accounts_.at(each).row.name;
        text.insert(0, text.empty() ? name : name + "/");
    }
    return text;
}

int64_t AccountTree::payer(int64_t id) const {
    for (const Account* account = find(id); account != nullptr; account = find(id)) {
        if (account->row.wallet != Wallet::none) return id;
        id = account->row.parent;
    }
    return 0;
}

bool AccountTree::is_closed(int64_t id) const {
    for (const Account* account = find(id); account != nullptr; account = find(id)) {
        if (account->is_closed) return true;
        id = account->row.parent;
    }
    return false;
}

std::vector<int64_t> AccountTree::chain(int64_t id) const {
    std::vector<int64_t> ids;
    for (const Account* account = find(id); account != nullptr; account = find(id)) {
        ids.push_back(id);
        id = account->row.parent;
    }
    return ids;
}

bool AccountTree::is_within(int64_t id, int64_t ancestor) const {
    const auto ids = chain(id);
    return std::ranges::find(ids, ancestor) != ids.end();
}

std::vector<int64_t> AccountTree::list() const {
    std::vector<int64_t> ids;
    list_below(0, ids);
    return ids;
}

void AccountTree::list_below(int64_t parent, std::vector<int64_t>& ids) const {
    for (auto at = children_.lower_bound({parent, ""});
         at != children_.end() && at->first.first == parent; ++at) {
        ids.push_back(at->second);
        list_below(at->second, ids);
    }
}

bool is_account_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

}  // namespace billing
