#pragma once
// All keys by digest, in memory. Any thread: io threads look up, administration changes.
#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "billing/billing.h"
#include "billing/digest.h"

namespace billing {

class KeyRing {
public:
    void add(const Digest& digest, AccountId account, KeyInfo info);
    // These hold at once, for every later find(). False: no such key.
    bool disable(KeyId key) { return set_enabled(key, false); }
    bool enable(KeyId key) { return set_enabled(key, true); }
    bool set_terms(KeyId key, const KeyTerms& terms);
    bool add_secret(const KeySecretRow& secret);
    // Keys of closed accounts are refused.
    void close(const std::vector<KeyId>& keys);

    // Notes the use. Errors: key_unknown, for disabled, expired and closed ones too;
    // network_refused.
    Result<Authenticated> find(const Digest& digest, const Presence& presence) const;
    std::optional<KeyInfo> info(KeyId key) const;  // of disabled ones too
    bool empty() const;
    std::vector<KeyInfo> list() const;  // by id

    // When keys were last used, of those used since the last call.
    std::vector<KeyUse> take_uses();
    void load_use(const KeyUse& use);

private:
    struct DigestHash {  // the digest of a secret is random already
        size_t operator()(const Digest& digest) const {
            size_t bits;
            std::memcpy(&bits, digest.data(), sizeof bits);
            return bits;
        }
    };
    struct Key {
        AccountId account;
        KeyInfo info;
        std::shared_ptr<const KeyScope> scope;
        bool is_closed = false;
        mutable std::atomic<int64_t> used_at{0};
        int64_t used_at_told = 0;  // by take_uses()
    };
    struct Secret {
        Digest digest;
        Key* key;
        UnixMillis until;  // 0: as long as the key
    };
    bool set_enabled(KeyId key, bool is_enabled);
    static KeyInfo told(const Key& key);

    mutable std::shared_mutex mutex_;
    std::map<int64_t, Key> by_id_;  // nodes stay where they are
    std::unordered_map<Digest, Secret, DigestHash> by_digest_;
};

}  // namespace billing
