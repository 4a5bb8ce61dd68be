// The members of LedgerBilling that people call: they block until their entry is on disk.
#include <openssl/crypto.h>

#include "billing/api_key.h"
#include "billing/blocking_waiter.h"
#include "billing/ledger_billing.h"
#include "billing/wall_clock.h"

namespace billing {
namespace {

constexpr size_t kShownCharacters = 4;

tl::unexpected<Error> not_written() {
    return tl::unexpected(Error{Errc::ledger_unavailable, "the disk refused: nothing was changed"});
}

}  // namespace

Result<AccountId> LedgerBilling::create_account(const std::string& name) {
    BlockingWaiter waiter;
    AccountId account;
    {
        const std::lock_guard lock(desk_.mutex);
        if (auto ok = check_admits(); !ok) return tl::unexpected(ok.error());
        const auto claimed = desk_.book.claim_account(name);
        if (!claimed) return tl::unexpected(claimed.error());
        account = *claimed;
        Entry entry(Kind::account, desk_.book.advance(wall_clock()));
        entry.set(Column::subject, account.n);
        desk_.put({entry, std::make_unique<const Definition>(AccountRow{name}), &waiter});
    }
    const bool durable = waiter.wait();
    const std::lock_guard lock(desk_.mutex);
    if (!durable) {
        desk_.book.give_up_account(account);
        return not_written();
    }
    desk_.book.keep_account(account);
    return account;
}

Result<void> LedgerBilling::add_credit(const std::string& account, NanoUsd amount) {
    BlockingWaiter waiter;
    AccountId to;
    {
        const std::lock_guard lock(desk_.mutex);
        if (auto ok = check_admits(); !ok) return ok;
        const auto found = desk_.book.find_account(account);
        if (!found) return tl::unexpected(found.error());
        to = *found;
        if (auto ok = desk_.book.claim_credit(to, amount); !ok) return ok;
        Entry entry(Kind::credit, desk_.book.advance(wall_clock()));
        entry.set(Column::account, to.n);
        entry.set(Column::amount, amount.n);
        desk_.put({entry, nullptr, &waiter});
    }
    const bool durable = waiter.wait();
    const std::lock_guard lock(desk_.mutex);
    if (!durable) {
        desk_.book.give_up_credit(to, amount);
        return not_written();
    }
    desk_.book.keep_credit(to, amount);
    return {};
}

Result<std::string> LedgerBilling::create_key(const std::string& account) {
    std::string text = random_key();
    if (text.empty()) {
        return tl::unexpected(Error{Errc::ledger_unavailable, "the system has no random bytes"});
    }
    const Digest digest = make_hasher()->digest(text);
    BlockingWaiter waiter;
    KeyInfo info;
    info.account = account;
    info.prefix = text.substr(0, kKeyPrefix.size() + kShownCharacters);
    info.last4 = text.substr(text.size() - kShownCharacters);
    AccountId owner;
    {
        const std::lock_guard lock(desk_.mutex);
        if (auto ok = check_admits(); !ok) return tl::unexpected(ok.error());
        const auto found = desk_.book.find_account(account);
        if (!found) return tl::unexpected(found.error());
        owner = *found;
        info.id = desk_.book.next_key();
        info.created_at = desk_.book.advance(wall_clock());
        Entry entry(Kind::key, info.created_at);
        entry.set(Column::account, owner.n);
        entry.set(Column::subject, info.id.n);
        desk_.put(
            {entry,
             std::make_unique<const Definition>(KeyRow{owner.n, digest, info.prefix, info.last4}),
             &waiter});
    }
    if (!waiter.wait()) return not_written();
    keys_.add(digest, owner, std::move(info));
    return text;
}

Result<void> LedgerBilling::disable_key(KeyId key) {
    if (!keys_.disable(key)) {
        return tl::unexpected(Error{Errc::key_unknown, "no key " + std::to_string(key.n)});
    }
    BlockingWaiter waiter;
    {
        const std::lock_guard lock(desk_.mutex);
        Entry entry(Kind::key_disabled, desk_.book.advance(wall_clock()));
        entry.set(Column::subject, key.n);
        desk_.put({entry, nullptr, &waiter});
    }
    if (!waiter.wait()) {
        return tl::unexpected(
            Error{Errc::ledger_unavailable,
                  "the key is disabled now; it will be written when the disk takes it"});
    }
    return {};
}

std::vector<KeyInfo> LedgerBilling::keys() const {
    return keys_.list();
}

Result<Balance> LedgerBilling::balance(const std::string& account) const {
    const std::lock_guard lock(desk_.mutex);
    const auto found = desk_.book.find_account(account);
    if (!found) return tl::unexpected(found.error());
    return desk_.book.balance(*found);
}

std::vector<std::string> LedgerBilling::accounts() const {
    const std::lock_guard lock(desk_.mutex);
    return desk_.book.account_names();
}

}  // namespace billing
