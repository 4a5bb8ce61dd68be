#pragma once
// Connections that wait for their next request. One that its upstream closes, or says something
// on, is dropped at once.
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/plain_connection.h"

namespace gateway {

// Confined to one io thread.
class PlainPool final : public PlainConnection::User {
public:
    // The one that was used last; null: none waits. `authority` is host and port.
    std::unique_ptr<PlainConnection> take(const std::string& authority);
    void put(const std::string& authority, std::unique_ptr<PlainConnection> connection);

private:
    using Clock = std::chrono::steady_clock;
    struct Idle {
        std::unique_ptr<PlainConnection> connection;
        Clock::time_point since;
    };

    void on_ready(PlainConnection& connection, Readiness ready) override;
    void drop_old(std::vector<Idle>& idle);

    std::map<std::string, std::vector<Idle>> idle_;  // oldest first
    size_t n_idle_ = 0;
};

}  // namespace gateway
