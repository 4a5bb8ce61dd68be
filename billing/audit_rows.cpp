// What the rows that entries bring into being must say.
#include "billing/audit.h"

namespace billing {

std::string Audit::check_row(const Entry& entry, const AccountRow& row) {
    const int64_t id = entry.get(Column::subject);
    if (!tree_.add(id, row)) return "an account that cannot be where it is";
    balances_.emplace(id, Balance{});
    return "";
}

std::string Audit::check_row(const Entry& entry, const KeyRow& row) {
    if (row.account != entry.get(Column::account) || !balances_.contains(row.account))
        return "a key of no account before it";
    tree_.add_key(entry.get(Column::subject), row.account);
    return "";
}

std::string Audit::check_row(const Entry& entry, const NameRow&) {
    names_.insert(entry.get(Column::subject));
    return "";
}

std::string Audit::check_row(const Entry& entry, const PriceRow& row) {
    auto price = to_price(row);
    if (!price) return "a price that cannot be";
    if (!has_true_digest(*sha256_, row)) return "its digest is not that of the price's text";
    prices_.emplace(entry.get(Column::subject), std::move(*price));
    return "";
}

std::string Audit::check_row(const Entry&, const RefundRow&) {
    return "";
}

std::string Audit::check_row(const Entry&, const Attempts&) {
    return "";
}

std::string Audit::check_row(const Entry& entry, const AttributionRow& row) {
    if (row.account == 0 || tree_.account_of_key(row.key) != row.account)
        return "names a key that is not the account's";
    attributions_.emplace(entry.get(Column::subject), Owner{row.account, row.key});
    return "";
}

std::string Audit::check_row(const Entry& entry, const AccountTermsRow& row) {
    if (row.account != entry.get(Column::account) || tree_.find(row.account) == nullptr)
        return "terms of no account before it";
    return tree_.change(row) ? "" : "terms that the account cannot have";
}

std::string Audit::check_row(const Entry& entry, const KeyTermsRow& row) {
    if (row.key != entry.get(Column::key) || tree_.account_of_key(row.key) == 0)
        return "terms of no key before it";
    return to_terms(row) ? "" : "terms that a key cannot have";
}

std::string Audit::check_row(const Entry& entry, const KeySecretRow& row) {
    if (row.key != entry.get(Column::key) || tree_.account_of_key(row.key) == 0)
        return "a secret of no key before it";
    return row.others_until < entry.get(Column::at) ? "ends the secrets before it too early" : "";
}

std::string Audit::check_row(const Entry& entry, const BudgetRow& row) {
    const int64_t id = entry.get(Column::subject);
    const bool is_there = row.scope == BudgetScope::account ? tree_.find(row.subject) != nullptr
                          : row.scope == BudgetScope::key   ? tree_.account_of_key(row.subject) != 0
                                                            : names_.contains(row.subject);
    if (!is_there) return "a budget of what is not there before it";
    const Budget* there = budgets_.find(row.scope, row.subject, row.period);
    const bool goes_on = there != nullptr && there->row.number == row.number;
    touched_budgets_.push_back(row.number);
    if (row.is_removed) {
        if (!goes_on) return "removes a budget that is not there";
        budgets_.remove(row.number);
        return "";
    }
    // Numbers of requests that were never written are left out between.
    if (!goes_on && (row.number != id || row.from_request <= last_request_))
        return "a budget that begins elsewhere than here";
    return budgets_.define(row) ? "" : "a budget that cannot be";
}

std::string Audit::check_row(const Entry& entry, const CreditRow& row) {
    const int64_t amount = entry.get(Column::amount);
    const bool is_same = row.account == entry.get(Column::account) &&
                         row.amount.n == (entry.is(Kind::debit) ? -amount : amount);
    return is_same ? "" : "its reference is of another account or amount";
}

// The numbers in it are held to the rows when it is read to begin with.
std::string Audit::check_row(const Entry& entry, const CutRow& row) {
    return row.seq < entry.get(Column::seq) ? "" : "cuts entries behind it";
}

}  // namespace billing
