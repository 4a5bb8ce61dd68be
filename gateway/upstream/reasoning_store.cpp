#include "gateway/upstream/reasoning_store.h"

#include <iterator>
#include <utility>

namespace gateway {

namespace {

constexpr int64_t kAccountShare = 8;
constexpr int64_t kEntryBytes = 256;  // of the containers, about

std::string key_of(uint64_t account, std::string_view endpoint, std::string_view call) {
    return std::to_string(account) + '\n' + std::string(endpoint) + '\n' + std::string(call);
}

// Shared by the calls of one answer, and yet counted for each: never more than the bound.
int64_t size_of(const std::string& key, const std::string& reasoning) {
    return static_cast<int64_t>(2 * key.size() + reasoning.size()) + kEntryBytes;
}

}  // namespace

ReasoningStore::ReasoningStore(int64_t n_bytes_max) : n_bytes_max_(n_bytes_max) {}

void ReasoningStore::keep(uint64_t account, std::string_view endpoint,
                          std::span<const std::string> calls, std::string reasoning) {
    const auto shared = std::make_shared<const std::string>(std::move(reasoning));
    const std::lock_guard lock(mutex_);
    for (const std::string& call : calls) add(account, key_of(account, endpoint, call), shared);
}

void ReasoningStore::add(uint64_t account, std::string key,
                         std::shared_ptr<const std::string> reasoning) {
    const int64_t n_bytes = size_of(key, *reasoning);
    if (const auto old = by_key_.find(key); old != by_key_.end()) drop(old->second);
    if (n_bytes > n_bytes_max_ / kAccountShare) return;
    for (auto own = accounts_.find(account);
         own != accounts_.end() && own->second.n_bytes + n_bytes > n_bytes_max_ / kAccountShare;
         own = accounts_.find(account))
        drop(own->second.entries.front());
    while (n_bytes_ + n_bytes > n_bytes_max_) drop(entries_.begin());
    entries_.push_back({account, key, std::move(reasoning), {}});
    const auto entry = std::prev(entries_.end());
    Account& own = accounts_[account];
    entry->place = own.entries.insert(own.entries.end(), entry);
    by_key_.emplace(std::move(key), entry);
    n_bytes_ += n_bytes;
    own.n_bytes += n_bytes;
}

void ReasoningStore::drop(Entries::iterator entry) {
    const int64_t n_bytes = size_of(entry->key, *entry->reasoning);
    const auto account = accounts_.find(entry->account);
    account->second.entries.erase(entry->place);
    account->second.n_bytes -= n_bytes;
    if (account->second.entries.empty()) accounts_.erase(account);
    n_bytes_ -= n_bytes;
    by_key_.erase(entry->key);
    entries_.erase(entry);
}

std::shared_ptr<const std::string> ReasoningStore::find(uint64_t account, std::string_view endpoint,
                                                        std::string_view call) const {
    const std::string key = key_of(account, endpoint, call);
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : found->second->reasoning;
}

int64_t ReasoningStore::n_bytes() const {
    const std::lock_guard lock(mutex_);
    return n_bytes_;
}

}  // namespace gateway
