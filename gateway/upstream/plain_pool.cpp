#include "gateway/upstream/plain_pool.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

constexpr size_t kIdleMax = 1'024;
// Servers close theirs after a minute or two: an older one is likely to break under a request.
constexpr std::chrono::seconds kIdleTimeMax{90};

}  // namespace

std::unique_ptr<PlainConnection> PlainPool::take(const std::string& authority) {
    const auto found = idle_.find(authority);
    if (found == idle_.end()) return nullptr;
    std::vector<Idle>& idle = found->second;
    drop_old(idle);
    if (idle.empty()) return nullptr;
    std::unique_ptr<PlainConnection> connection = std::move(idle.back().connection);
    idle.pop_back();
    --n_idle_;
    return connection;
}

void PlainPool::put(const std::string& authority, std::unique_ptr<PlainConnection> connection) {
    if (n_idle_ >= kIdleMax) return;
    connection->used_by(*this);
    connection->want(true, false);
    std::vector<Idle>& idle = idle_[authority];
    drop_old(idle);
    idle.push_back({std::move(connection), Clock::now()});
    ++n_idle_;
}

void PlainPool::on_ready(PlainConnection& connection, Readiness) {
    for (auto& [authority, idle] : idle_) {
        n_idle_ -= std::erase_if(
            idle, [&](const Idle& each) { return each.connection.get() == &connection; });
    }
}

void PlainPool::drop_old(std::vector<Idle>& idle) {
    const auto limit = Clock::now() - kIdleTimeMax;
    const auto young =
        std::ranges::find_if(idle, [&](const Idle& each) { return each.since >= limit; });
    n_idle_ -= static_cast<size_t>(young - idle.begin());
    idle.erase(idle.begin(), young);
}

}  // namespace gateway
