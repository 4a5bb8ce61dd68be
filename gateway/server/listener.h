#pragma once
// Listening sockets: each takes connections and gives them to the io thread that has the fewest.
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/server/io_worker.h"
#include "gateway/server/transport.h"

namespace gateway {

// What new connections are made with; swapped whole by a reload, from any thread.
class ConnectionSettings {
public:
    struct Values {
        std::shared_ptr<const config::Limits> limits;
        std::shared_ptr<asio::ssl::context> tls;  // empty: plain
    };

    explicit ConnectionSettings(Values values) : values_(std::move(values)) {}
    Values get() const {
        const std::lock_guard lock(mutex_);
        return values_;
    }
    void set_limits(const config::Limits& limits) {
        auto fresh = std::make_shared<const config::Limits>(limits);
        const std::lock_guard lock(mutex_);
        values_.limits = std::move(fresh);
    }
    void set_tls(std::shared_ptr<asio::ssl::context> tls) {
        const std::lock_guard lock(mutex_);
        values_.tls = std::move(tls);
    }

private:
    mutable std::mutex mutex_;
    Values values_;  // under mutex_
};

// Confined to the first worker's thread, but for its construction.
class Listener {
public:
    virtual ~Listener() = default;
    virtual std::string address() const = 0;  // "127.0.0.1:8080", "unix:/run/weir.sock"
    virtual void start() = 0;
    virtual void stop() = 0;
};

using Workers = std::vector<std::shared_ptr<IoWorker>>;

// Bind and listen; throw std::runtime_error.
std::shared_ptr<Listener> listen_tcp(const config::Listen& listen, Workers workers,
                                     std::shared_ptr<ConnectionSettings> settings);
// Takes the place of a socket that nobody listens on any more; the file goes with stop(). Always
// plain. Its clients come, as far as anybody asks, from 127.0.0.1.
std::shared_ptr<Listener> listen_unix(const std::string& path, Workers workers,
                                      std::shared_ptr<ConnectionSettings> settings);

}  // namespace gateway
