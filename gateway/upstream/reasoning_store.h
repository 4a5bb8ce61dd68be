#pragma once
// Reasoning that an upstream wants back together with the results of the tool calls it led to, and
// that clients do not send: kept by account, endpoint and call until it is asked for or crowded
// out.
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gateway {

// Told once, with the end of an answer that calls tools: their ids, and the reasoning that led to
// them.
using KeepReasoning =
    std::function<void(std::span<const std::string> calls, std::string reasoning)>;

// Any thread. In memory only: after a restart an answer goes on without its reasoning.
class ReasoningStore {
public:
    // Bytes of all accounts together; one of them has an eighth of it. What is older goes first.
    explicit ReasoningStore(int64_t n_bytes_max);

    // `reasoning` belongs to all of `calls`.
    void keep(uint64_t account, std::string_view endpoint, std::span<const std::string> calls,
              std::string reasoning);
    // Null: it is not there. Stays kept: a conversation asks again with every turn.
    std::shared_ptr<const std::string> find(uint64_t account, std::string_view endpoint,
                                            std::string_view call) const;
    int64_t n_bytes() const;

private:
    struct Entry;
    using Entries = std::list<Entry>;  // the oldest first
    using Places = std::list<Entries::iterator>;
    struct Entry {
        uint64_t account;
        std::string key;
        std::shared_ptr<const std::string> reasoning;
        Places::iterator place;  // among its account's
    };
    struct Account {
        Places entries;
        int64_t n_bytes = 0;
    };

    void add(uint64_t account, std::string key, std::shared_ptr<const std::string> reasoning);
    void drop(Entries::iterator entry);

    const int64_t n_bytes_max_;
    mutable std::mutex mutex_;
    Entries entries_;                                            // guarded by mutex_, all below
    std::unordered_map<std::string, Entries::iterator> by_key_;  // account, endpoint and call
    std::map<uint64_t, Account> accounts_;
    int64_t n_bytes_ = 0;
};

}  // namespace gateway
