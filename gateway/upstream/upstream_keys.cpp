#include "gateway/upstream/upstream_keys.h"

#include <algorithm>
#include <functional>

namespace gateway {

namespace {

constexpr std::chrono::minutes kRefusedFor{5};
constexpr std::chrono::seconds kLimitedFor{10};

size_t hash_of(const config::Secret& key) {
    return std::hash<std::string>()(key.reveal());
}

}  // namespace

bool UpstreamKeys::is_of_key(const AttemptEnd& end) {
    using config::FailureClass;
    return end.kind == AttemptEnd::Kind::failed && end.upstream_status != 0 &&
           (end.failure == FailureClass::credential || end.failure == FailureClass::quota ||
            end.failure == FailureClass::rate_limit);
}

bool UpstreamKeys::rests(const Upstream& upstream, const config::Secret& key, TimePoint now) {
    const auto found = upstream.rests_until.find(hash_of(key));
    return found != upstream.rests_until.end() && found->second > now;
}

std::optional<size_t> UpstreamKeys::choose_fresh(const std::string& upstream, Keys keys,
                                                 TimePoint now) {
    const std::lock_guard lock(mutex_);
    Upstream& its = upstreams_[upstream];
    for (size_t n = 0; n < keys.size(); ++n) {
        const size_t i = its.next++ % keys.size();
        if (!rests(its, keys[i], now)) return i;
    }
    return {};
}

size_t UpstreamKeys::choose(const std::string& upstream, Keys keys, TimePoint now) {
    if (const auto fresh = choose_fresh(upstream, keys, now)) return *fresh;
    const std::lock_guard lock(mutex_);
    const auto& rests_until = upstreams_[upstream].rests_until;
    const auto until = [&](const config::Secret& key) {
        const auto found = rests_until.find(hash_of(key));
        return found == rests_until.end() ? TimePoint() : found->second;
    };
    const auto first = std::ranges::min_element(keys, {}, until);
    return static_cast<size_t>(first - keys.begin());
}

void UpstreamKeys::note(const std::string& upstream, const config::Secret& key,
                        const AttemptEnd& end, TimePoint now) {
    if (!is_of_key(end)) return;
    std::chrono::milliseconds rest = kRefusedFor;
    if (end.failure == config::FailureClass::rate_limit)
        rest =
            std::min<std::chrono::milliseconds>(end.retry_after.value_or(kLimitedFor), kRefusedFor);
    const std::lock_guard lock(mutex_);
    auto& rests_until = upstreams_[upstream].rests_until;
    std::erase_if(rests_until, [now](const auto& each) { return each.second <= now; });
    rests_until[hash_of(key)] = now + rest;
}

int64_t UpstreamKeys::n_resting(const std::string& upstream, Keys keys, TimePoint now) const {
    const std::lock_guard lock(mutex_);
    const auto found = upstreams_.find(upstream);
    if (found == upstreams_.end()) return 0;
    return std::ranges::count_if(
        keys, [&](const config::Secret& key) { return rests(found->second, key, now); });
}

}  // namespace gateway
