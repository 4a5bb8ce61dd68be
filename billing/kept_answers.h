#pragma once
// What was kept under idempotency keys, as requests look for it, and how much it is by account.
// Each look has a connection of its own: one that stayed would keep the writer, when it opens the
// file again after a failed commit, from reading what is truly there.
#include <deque>
#include <filesystem>
#include <mutex>
#include <unordered_map>

#include "billing/idempotency.h"
#include "billing/sqlite.h"

namespace billing {

// Any thread.
class KeptAnswers {
public:
    explicit KeptAnswers(std::filesystem::path ledger) : path_(std::move(ledger)) {}

    // What is there when the ledger opens. Errors: ledger_unavailable.
    Result<void> count(Database& database);

    // Nothing: the key is free. Blocks. Errors: ledger_unavailable.
    Result<std::optional<EarlierRequest>> find(AccountId account, const Digest& key,
                                               UnixMillis now) const;
    // Of answers that are not older than a day.
    int64_t n_bytes(AccountId account, UnixMillis now);
    void add(AccountId account, UnixMillis at, int64_t n_bytes);

private:
    struct Item {
        UnixMillis at;
        int64_t n_bytes;
    };
    struct Account {
        std::deque<Item> items;  // the oldest first
        int64_t n_bytes = 0;
    };

    const std::filesystem::path path_;
    std::mutex mutex_;
    std::unordered_map<int64_t, Account> accounts_;  // guarded by mutex_
};

}  // namespace billing
