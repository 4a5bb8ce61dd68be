#pragma once
// All keys by digest, in memory. Any thread: io threads look up, administration adds and disables.
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
    // At once, for every later find(). False: no such key.
    bool disable(KeyId key);
    // Errors: key_unknown, for disabled ones too.
    Result<Caller> find(const Digest& digest) const;
    std::optional<KeyInfo> info(KeyId key) const;  // of disabled ones too
    bool empty() const;
    std::vector<KeyInfo> list() const;  // by id

private:
    struct DigestHash {  // the digest of a secret is random already
        size_t operator()(const Digest& digest) const {
            size_t bits;
            std::memcpy(&bits, digest.data(), sizeof bits);
            return bits;
        }
    };
    struct Key {
        Digest digest;
        AccountId account;
        KeyInfo info;
    };

    mutable std::shared_mutex mutex_;
    std::map<int64_t, Key> by_id_;  // nodes stay where they are
    std::unordered_map<Digest, const Key*, DigestHash> by_digest_;
};

}  // namespace billing
