// The members of LedgerBilling that make and change accounts and their funds. Like all of
// administration they block until their entry is on disk.
#include <algorithm>

#include "billing/blocking_waiter.h"
#include "billing/ledger_billing.h"
#include "billing/wall_clock.h"

namespace billing {

Result<void> LedgerBilling::write(const std::function<Result<void>(CommitWaiter& waiter)>& decide) {
    BlockingWaiter waiter;
    {
        const std::lock_guard lock(desk_.mutex);
        if (auto ok = check_admits(); !ok) return ok;
        if (auto ok = decide(waiter); !ok) return ok;
    }
    if (waiter.wait()) return {};
    return refused(Errc::ledger_unavailable, "the disk refused: nothing was changed");
}

Result<AccountId> LedgerBilling::create_account(const NewAccount& account) {
    const std::lock_guard one_at_a_time(admin_mutex_);
    AccountId id;
    auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        const auto claimed = desk_.book.claim_account(account);
        if (!claimed) return tl::unexpected(claimed.error());
        id = claimed->account;
        Entry entry(Kind::account, desk_.book.advance(wall_clock()));
        entry.set(Column::subject, id.n);
        desk_.put({entry, std::make_unique<const Definition>(claimed->row), &waiter});
        return {};
    });
    const std::lock_guard lock(desk_.mutex);
    if (written) desk_.book.keep_account(id);
    if (!written && id.n != 0) desk_.book.give_up_account(id);
    if (!written) return tl::unexpected(written.error());
    return id;
}

Result<void> LedgerBilling::change_account(
    const std::string& path, const std::function<void(AccountTermsRow& terms)>& change) {
    const std::lock_guard one_at_a_time(admin_mutex_);
    std::optional<AccountTermsRow> before;
    auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        const auto account = desk_.book.find_account(path);
        if (!account) return tl::unexpected(account.error());
        const AccountTermsRow old = desk_.book.tree().terms(account->n);
        if (old.is_closed) return refused(Errc::account_closed, path);
        AccountTermsRow terms = old;
        change(terms);
        if (!is_account_name(terms.name))
            return refused(Errc::name_invalid, "a name is 1 to 64 of A-Z a-z 0-9 . _ -");
        // At once, for what is queued behind the entry is judged by it.
        if (!desk_.book.change_account(terms)) {
            if (terms.name != old.name) return refused(Errc::name_taken, terms.name);
            return refused(Errc::amount_invalid,
                           "a credit limit is of a postpaid wallet, from 0 to 200000000.00 USD");
        }
        before = old;
        desk_.book.attributions().forget_current();
        Entry entry(Kind::account_terms, desk_.book.advance(wall_clock()));
        entry.set(Column::account, account->n);
        entry.set(Column::subject, desk_.book.next_row(Kind::account_terms));
        desk_.put({entry, std::make_unique<const Definition>(std::move(terms)), &waiter});
        return {};
    });
    if (!written && before) {
        const std::lock_guard lock(desk_.mutex);
        desk_.book.change_account(*before);
        desk_.book.attributions().forget_current();
    }
    return written;
}

Result<void> LedgerBilling::rename_account(const std::string& path, const std::string& name) {
    return change_account(path, [&](AccountTermsRow& terms) { terms.name = name; });
}

Result<void> LedgerBilling::set_credit_limit(const std::string& path, NanoUsd limit) {
    return change_account(path, [&](AccountTermsRow& terms) { terms.credit_limit = limit; });
}

Result<void> LedgerBilling::close_account(const std::string& path) {
    auto closed = change_account(path, [](AccountTermsRow& terms) { terms.is_closed = true; });
    if (closed) close_keys();
    return closed;
}

Result<Credited> LedgerBilling::find_credit(const CreditRow& asked) const {
    auto database = Database::open(path_, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    auto row = database->prepare("SELECT account, amount FROM credits WHERE ref = ?");
    if (!row) return tl::unexpected(row.error());
    row->bind(1, std::string_view(asked.ref));
    switch (row->step()) {
        case Statement::Step::failed:
            return tl::unexpected(database->error("read credits"));
        case Statement::Step::done:
            return Credited{asked.amount, true};
        case Statement::Step::row:
            break;
    }
    const NanoUsd amount{row->integer(1)};
    if (row->integer(0) == asked.account && amount == asked.amount) return Credited{amount, false};
    const std::string what = amount > NanoUsd{0} ? "it added " : "it took ";
    const NanoUsd size{amount.n < 0 ? -amount.n : amount.n};
    return refused(Errc::reference_taken, what + config::to_string(size) + " USD, account " +
                                              std::to_string(row->integer(0)));
}

Result<Credited> LedgerBilling::credit(const std::string& path, NanoUsd amount,
                                       const std::string& ref) {
    if (ref.size() > kRefBytesMax ||
        !std::ranges::all_of(ref, [](char c) { return c > ' ' && c < 0x7f; }))
        return refused(Errc::text_invalid, "a reference is 1 to 64 visible ASCII characters");
    if (amount == NanoUsd{0}) return refused(Errc::amount_invalid, "an amount is above zero");
    const bool is_debit = amount < NanoUsd{0};
    const NanoUsd size{is_debit ? -amount.n : amount.n};
    const std::lock_guard one_at_a_time(admin_mutex_);
    AccountId to;
    {
        const std::lock_guard lock(desk_.mutex);
        const auto found = desk_.book.find_account(path);
        if (!found) return tl::unexpected(found.error());
        to = *found;
    }
    const CreditRow row{ref, to.n, amount};
    if (!ref.empty()) {
        const auto before = find_credit(row);
        if (!before || !before->is_new) return before;
    }
    bool is_claimed = false;
    auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        // What is taken is gone for what is queued behind it; what is added counts once it is
        // there.
        auto ok = is_debit ? desk_.book.take_credit(to, size) : desk_.book.claim_credit(to, size);
        if (!ok) return ok;
        is_claimed = true;
        Entry entry(is_debit ? Kind::debit : Kind::credit, desk_.book.advance(wall_clock()));
        entry.set(Column::account, to.n);
        entry.set(Column::amount, size.n);
        std::unique_ptr<const Definition> definition;
        if (!ref.empty()) {
            entry.set(Column::subject, desk_.book.next_row(Kind::credit));
            definition = std::make_unique<const Definition>(row);
        }
        desk_.put({entry, std::move(definition), &waiter});
        return {};
    });
    if (is_claimed) {
        const std::lock_guard lock(desk_.mutex);
        if (is_debit && !written) desk_.book.undo_take(to, size);
        if (!is_debit && written) desk_.book.keep_credit(to, size);
        if (!is_debit && !written) desk_.book.give_up_credit(to, size);
    }
    if (!written) return tl::unexpected(written.error());
    return Credited{amount, true};
}

Result<Balance> LedgerBilling::balance(const std::string& account) const {
    const std::lock_guard lock(desk_.mutex);
    const auto found = desk_.book.find_account(account);
    if (!found) return tl::unexpected(found.error());
    return desk_.book.balance(*found);
}

AccountView LedgerBilling::view_of(AccountId account) const {
    const AccountTree& tree = desk_.book.tree();
    const AccountRow& row = tree.find(account.n)->row;
    return {account,
            tree.path(account.n),
            row.wallet,
            tree.path(tree.payer(account.n)),
            row.credit_limit,
            tree.is_closed(account.n),
            desk_.book.balance(account)};
}

std::vector<AccountView> LedgerBilling::accounts() const {
    const std::lock_guard lock(desk_.mutex);
    std::vector<AccountView> views;
    for (const AccountId account : desk_.book.accounts()) views.push_back(view_of(account));
    return views;
}

}  // namespace billing
