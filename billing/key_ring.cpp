#include "billing/key_ring.h"

#include <openssl/crypto.h>

#include <mutex>

namespace billing {

void KeyRing::add(const Digest& digest, AccountId account, KeyInfo info) {
    const std::unique_lock lock(mutex_);
    const int64_t id = info.id.n;
    const auto at = by_id_.emplace(id, Key{digest, account, std::move(info)}).first;
    by_digest_.emplace(digest, &at->second);
}

bool KeyRing::disable(KeyId key) {
    const std::unique_lock lock(mutex_);
    const auto at = by_id_.find(key.n);
    if (at == by_id_.end()) return false;
    at->second.info.enabled = false;
    return true;
}

Result<Caller> KeyRing::find(const Digest& digest) const {
    {
        const std::shared_lock lock(mutex_);
        const auto at = by_digest_.find(digest);
        if (at != by_digest_.end()) {
            const Key& key = *at->second;
            if (CRYPTO_memcmp(key.digest.data(), digest.data(), digest.size()) == 0 &&
                key.info.enabled) {
                return Caller{key.account, key.info.id};
            }
        }
    }
    return tl::unexpected(Error{Errc::key_unknown, {}});
}

std::optional<KeyInfo> KeyRing::info(KeyId key) const {
    const std::shared_lock lock(mutex_);
    const auto at = by_id_.find(key.n);
    if (at == by_id_.end()) return std::nullopt;
    return at->second.info;
}

bool KeyRing::empty() const {
    const std::shared_lock lock(mutex_);
    return by_id_.empty();
}

std::vector<KeyInfo> KeyRing::list() const {
    const std::shared_lock lock(mutex_);
    std::vector<KeyInfo> keys;
    for (const auto& [id, key] : by_id_) keys.push_back(key.info);
    return keys;
}

}  // namespace billing
