#pragma once
// Idempotency keys whose requests are being answered: one request at a time has a key.
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "billing/idempotency.h"

namespace gateway {

// Any thread. Outlives its claims.
class RunningKeys {
public:
    // The key is its request's until this goes.
    class Claim {
    public:
        Claim(RunningKeys& keys, int64_t account, const billing::Digest& key)
            : keys_(keys), account_(account), key_(key) {}
        Claim(const Claim&) = delete;
        Claim& operator=(const Claim&) = delete;
        ~Claim() { keys_.free(account_, key_); }
        // The key was free: it is this request's now, with its body.
        void run() { keys_.run(account_, key_); }

    private:
        RunningKeys& keys_;
        const int64_t account_;
        const billing::Digest key_;
    };

    enum class Answer : uint8_t { claimed, in_use, another_request };
    // claimed: `claim` has it. in_use: a request with the same body runs, or one looks whether the
    // key is free. another_request: one with another body runs.
    Answer claim(int64_t account, const billing::IdempotencyKey& key, std::optional<Claim>& claim);
    // Of this account, now.
    int64_t n_running(int64_t account) const;

private:
    using Key = std::pair<int64_t, billing::Digest>;
    struct Holder {
        billing::Digest body;
        bool is_running = false;
    };
    void run(int64_t account, const billing::Digest& key);
    void free(int64_t account, const billing::Digest& key);

    mutable std::mutex mutex_;
    std::map<Key, Holder> holders_;                   // guarded by mutex_, as is n_running_
    std::unordered_map<int64_t, int64_t> n_running_;  // by account, none of them 0
};

}  // namespace gateway
