// The members of LedgerBilling that make and change keys.
#include "billing/api_key.h"
#include "billing/blocking_waiter.h"
#include "billing/key_hasher.h"
#include "billing/ledger_billing.h"
#include "billing/wall_clock.h"

namespace billing {
namespace {

constexpr size_t kShownCharacters = 4;
constexpr std::chrono::hours kOverlapMax{24 * 365};

tl::unexpected<Error> no_key(KeyId key) {
    return refused(Errc::key_unknown, "no key " + std::to_string(key.n));
}

}  // namespace

// The id is left open.
Result<NewKey> LedgerBilling::make_secret(Digest& digest, std::string& prefix,
                                          std::string& last4) const {
    std::string text = random_key();
    if (text.empty()) return refused(Errc::ledger_unavailable, "the system has no random bytes");
    digest = make_hasher()->digest(text);
    prefix = text.substr(0, kKeyPrefix.size() + kShownCharacters);
    last4 = text.substr(text.size() - kShownCharacters);
    return NewKey{{}, std::move(text)};
}

void LedgerBilling::queue_terms(KeyId key, const KeyTerms& terms, UnixMillis at,
                                CommitWaiter* waiter) {
    Entry entry(Kind::key_terms, at);
    entry.set(Column::key, key.n);
    entry.set(Column::subject, desk_.book.next_row(Kind::key_terms));
    desk_.put({entry, std::make_unique<const Definition>(to_row(key, terms)), waiter});
}

// The key and its terms are two entries: until both are on disk nobody has seen the secret.
Result<NewKey> LedgerBilling::create_key(const std::string& account, const KeyTerms& asked) {
    const auto terms = checked(asked);
    if (!terms) return tl::unexpected(terms.error());
    KeyInfo info;
    info.terms = *terms;
    Digest digest;
    auto key = make_secret(digest, info.prefix, info.last4);
    if (!key) return key;
    const bool has_terms = *terms != KeyTerms{};
    AccountId owner;
    const std::lock_guard one_at_a_time(admin_mutex_);
    const auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        const auto found = desk_.book.find_account(account);
        if (!found) return tl::unexpected(found.error());
        owner = *found;
        if (desk_.book.tree().is_closed(owner.n)) return refused(Errc::account_closed, account);
        info.id = key->id = desk_.book.next_key();
        desk_.book.add_key(info.id, owner);
        info.created_at = desk_.book.advance(wall_clock());
        Entry entry(Kind::key, info.created_at);
        entry.set(Column::account, owner.n);
        entry.set(Column::subject, info.id.n);
        desk_.put(
            {entry,
             std::make_unique<const Definition>(KeyRow{owner.n, digest, info.prefix, info.last4}),
             has_terms ? nullptr : &waiter});
        if (has_terms) queue_terms(info.id, *terms, info.created_at, &waiter);
        return {};
    });
    if (!written) return tl::unexpected(written.error());
    const KeyId id = info.id;
    keys_.add(digest, owner, std::move(info));
    if (has_terms) keys_.set_terms(id, *terms);
    return key;
}

Result<NewKey> LedgerBilling::rotate_key(KeyId id, std::chrono::milliseconds overlap) {
    if (overlap.count() < 0 || overlap > kOverlapMax)
        return refused(Errc::text_invalid, "an overlap is at most 365 days");
    const std::lock_guard one_at_a_time(admin_mutex_);
    if (!keys_.info(id)) return no_key(id);
    KeySecretRow secret;
    secret.key = id.n;
    auto key = make_secret(secret.digest, secret.prefix, secret.last4);
    if (!key) return key;
    const auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        const UnixMillis at = desk_.book.advance(wall_clock());
        secret.others_until = at.ms + overlap.count();
        Entry entry(Kind::key_secret, at);
        entry.set(Column::key, id.n);
        entry.set(Column::subject, desk_.book.next_row(Kind::key_secret));
        desk_.put({entry, std::make_unique<const Definition>(secret), &waiter});
        return {};
    });
    if (!written) return tl::unexpected(written.error());
    keys_.add_secret(secret);
    const std::lock_guard lock(desk_.mutex);
    desk_.book.attributions().forget_current();
    key->id = id;
    return key;
}

Result<void> LedgerBilling::expire_key(KeyId id, UnixMillis at) {
    const std::lock_guard one_at_a_time(admin_mutex_);
    const auto info = keys_.info(id);
    if (!info) return no_key(id);
    KeyTerms changed = info->terms;
    changed.expires_at = at;
    const auto terms = checked(std::move(changed));
    if (!terms) return tl::unexpected(terms.error());
    auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        queue_terms(id, *terms, desk_.book.advance(wall_clock()), &waiter);
        return {};
    });
    if (written) keys_.set_terms(id, *terms);
    return written;
}

Result<void> LedgerBilling::disable_key(KeyId key) {
    const std::lock_guard one_at_a_time(admin_mutex_);
    if (!keys_.disable(key)) return no_key(key);
    BlockingWaiter waiter;
    {
        const std::lock_guard lock(desk_.mutex);
        Entry entry(Kind::key_disabled, desk_.book.advance(wall_clock()));
        entry.set(Column::subject, key.n);
        desk_.put({entry, nullptr, &waiter});
    }
    if (!waiter.wait()) {
        return refused(Errc::ledger_unavailable,
                       "the key is disabled now; it will be written when the disk takes it");
    }
    return {};
}

Result<void> LedgerBilling::enable_key(KeyId key) {
    const std::lock_guard one_at_a_time(admin_mutex_);
    if (!keys_.info(key)) return no_key(key);
    auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        Entry entry(Kind::key_enabled, desk_.book.advance(wall_clock()));
        entry.set(Column::subject, key.n);
        desk_.put({entry, nullptr, &waiter});
        return {};
    });
    if (written) keys_.enable(key);
    return written;
}

void LedgerBilling::close_keys() {
    std::vector<KeyId> closed;
    const auto all = keys_.list();
    const std::lock_guard lock(desk_.mutex);
    const AccountTree& tree = desk_.book.tree();
    for (const KeyInfo& key : all) {
        if (tree.is_closed(tree.account_of_key(key.id.n))) closed.push_back(key.id);
    }
    keys_.close(closed);
}

std::vector<KeyInfo> LedgerBilling::keys() const {
    std::vector<KeyInfo> keys = keys_.list();
    const std::lock_guard lock(desk_.mutex);
    const AccountTree& tree = desk_.book.tree();
    for (KeyInfo& key : keys) key.account = tree.path(tree.account_of_key(key.id.n));
    return keys;
}

}  // namespace billing
