#include "gateway/chat/running_keys.h"

namespace gateway {

RunningKeys::Answer RunningKeys::claim(int64_t account, const billing::IdempotencyKey& key,
                                       std::optional<Claim>& claim) {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = holders_.try_emplace(Key{account, key.key}, Holder{key.body, false});
    const Holder& holder = at->second;
    if (!is_new && holder.is_running && holder.body != key.body) return Answer::another_request;
    if (!is_new) return Answer::in_use;
    ++n_running_[account];
    claim.emplace(*this, account, key.key);
    return Answer::claimed;
}

int64_t RunningKeys::n_running(int64_t account) const {
    const std::lock_guard lock(mutex_);
    const auto at = n_running_.find(account);
    return at == n_running_.end() ? 0 : at->second;
}

void RunningKeys::run(int64_t account, const billing::Digest& key) {
    const std::lock_guard lock(mutex_);
    holders_.at({account, key}).is_running = true;
}

void RunningKeys::free(int64_t account, const billing::Digest& key) {
    const std::lock_guard lock(mutex_);
    holders_.erase({account, key});
    if (--n_running_.at(account) == 0) n_running_.erase(account);
}

}  // namespace gateway
