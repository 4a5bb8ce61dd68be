#include "billing/key_ring.h"

#include <openssl/crypto.h>

#include <mutex>

namespace billing {

void KeyRing::add(const Digest& digest, AccountId account, KeyInfo info) {
    const std::unique_lock lock(mutex_);
    Key& key = by_id_[info.id.n];
    key.account = account;
    key.info = std::move(info);
    by_digest_.emplace(digest, Secret{digest, &key, {}});
}

bool KeyRing::set_enabled(KeyId key, bool is_enabled) {
    const std::unique_lock lock(mutex_);
    const auto at = by_id_.find(key.n);
    if (at == by_id_.end()) return false;
    at->second.info.enabled = is_enabled;
    return true;
}

bool KeyRing::set_terms(KeyId key, const KeyTerms& terms) {
    const std::unique_lock lock(mutex_);
    const auto at = by_id_.find(key.n);
    if (at == by_id_.end()) return false;
    at->second.info.terms = terms;
    at->second.scope = std::make_shared<const KeyScope>(terms);
    return true;
}

bool KeyRing::add_secret(const KeySecretRow& secret) {
    const std::unique_lock lock(mutex_);
    const auto at = by_id_.find(secret.key);
    if (at == by_id_.end()) return false;
    Key& key = at->second;
    if (by_digest_.contains(secret.digest)) return true;  // read from the ledger already
    for (auto& [digest, other] : by_digest_) {
        const bool holds = other.until.ms == 0 || other.until.ms > secret.others_until;
        if (other.key == &key && holds) other.until = {secret.others_until};
    }
    by_digest_.emplace(secret.digest, Secret{secret.digest, &key, {}});
    key.info.prefix = secret.prefix;
    key.info.last4 = secret.last4;
    key.info.others_until = UnixMillis{secret.others_until};
    return true;
}

void KeyRing::close(const std::vector<KeyId>& keys) {
    const std::unique_lock lock(mutex_);
    for (const KeyId key : keys) {
        const auto at = by_id_.find(key.n);
        if (at != by_id_.end()) at->second.is_closed = true;
    }
}

Result<Authenticated> KeyRing::find(const Digest& digest, const Presence& presence) const {
    const std::shared_lock lock(mutex_);
    const auto at = by_digest_.find(digest);
    if (at == by_digest_.end() ||
        CRYPTO_memcmp(at->second.digest.data(), digest.data(), digest.size()) != 0)
        return tl::unexpected(Error{Errc::key_unknown, {}});
    const Key& key = *at->second.key;
    const UnixMillis until = at->second.until;
    const auto& expires_at = key.info.terms.expires_at;
    const bool is_over =
        (until.ms != 0 && presence.now >= until) || (expires_at && presence.now >= *expires_at);
    if (!key.info.enabled || key.is_closed || is_over)
        return tl::unexpected(Error{Errc::key_unknown, {}});
    if (key.scope && !key.scope->allows_address(presence.address)) {
        return tl::unexpected(Error{
            Errc::network_refused,
            "key " + std::to_string(key.info.id.n) + " is not for use from " + presence.address});
    }
    key.used_at.store(presence.now.ms, std::memory_order_relaxed);
    return Authenticated{{key.account, key.info.id}, key.scope};
}

KeyInfo KeyRing::told(const Key& key) {
    KeyInfo info = key.info;
    if (const int64_t at = key.used_at.load(std::memory_order_relaxed))
        info.last_used_at = UnixMillis{at};
    return info;
}

std::optional<KeyInfo> KeyRing::info(KeyId key) const {
    const std::shared_lock lock(mutex_);
    const auto at = by_id_.find(key.n);
    if (at == by_id_.end()) return std::nullopt;
    return told(at->second);
}

bool KeyRing::empty() const {
    const std::shared_lock lock(mutex_);
    return by_id_.empty();
}

std::vector<KeyInfo> KeyRing::list() const {
    const std::shared_lock lock(mutex_);
    std::vector<KeyInfo> keys;
    for (const auto& [id, key] : by_id_) keys.push_back(told(key));
    return keys;
}

std::vector<KeyUse> KeyRing::take_uses() {
    const std::unique_lock lock(mutex_);
    std::vector<KeyUse> uses;
    for (auto& [id, key] : by_id_) {
        const int64_t at = key.used_at.load(std::memory_order_relaxed);
        if (at == key.used_at_told) continue;
        key.used_at_told = at;
        uses.push_back({{id}, {at}});
    }
    return uses;
}

void KeyRing::load_use(const KeyUse& use) {
    const std::unique_lock lock(mutex_);
    const auto at = by_id_.find(use.key.n);
    if (at == by_id_.end()) return;
    at->second.used_at = at->second.used_at_told = use.at.ms;
}

}  // namespace billing
