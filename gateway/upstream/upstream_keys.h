#pragma once
// Which of an upstream's keys is used next: they take turns, and one that was refused rests for a
// while, so that the quota or the rate limit of one is not that of all.
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "config/config.h"
#include "gateway/chat/attempt.h"

namespace gateway {

// Any thread. Made once for all clients of a process; goes by the keys themselves, so that a reload
// which keeps a key keeps its rest.
class UpstreamKeys {
public:
    using Keys = std::span<const config::Secret>;

    // An index into `keys`, which is not empty. Of those that rest, the one that is nearest to the
    // end of it.
    size_t choose(const std::string& upstream, Keys keys, TimePoint now);
    // One that does not rest. Nothing: all do.
    std::optional<size_t> choose_fresh(const std::string& upstream, Keys keys, TimePoint now);
    // The key was refused: for its credentials or its quota it rests five minutes, for its rate as
    // long as the upstream says, else ten seconds. Any other class says nothing about a key.
    void note(const std::string& upstream, const config::Secret& key, const AttemptEnd& end,
              TimePoint now);
    int64_t n_resting(const std::string& upstream, Keys keys, TimePoint now) const;

    // Whether the failure is of the key, and another may do better.
    static bool is_of_key(const AttemptEnd& end);

private:
    struct Upstream {
        size_t next = 0;
        std::map<size_t, TimePoint> rests_until;  // by the key's hash: secrets are not copied
    };

    static bool rests(const Upstream& upstream, const config::Secret& key, TimePoint now);

    mutable std::mutex mutex_;
    std::map<std::string, Upstream> upstreams_;  // guarded by mutex_
};

}  // namespace gateway
