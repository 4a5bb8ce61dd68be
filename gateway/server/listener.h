#pragma once
// The listening socket: takes connections and gives each to the io thread that has the fewest.
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
class Listener final : public std::enable_shared_from_this<Listener> {
public:
    // Binds and listens; throws std::runtime_error.
    Listener(const config::Listen& listen, std::vector<std::shared_ptr<IoWorker>> workers,
             std::shared_ptr<ConnectionSettings> settings);

    const std::string& address() const { return address_; }
    void start();
    void stop();

private:
    using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;

    static asio::awaitable<void> accept_all(std::shared_ptr<Listener> self);
    IoWorker& least_busy() const;
    void admit(IoWorker& worker, TcpSocket socket);
    void turn_away(TcpSocket socket, bool is_plain);

    const std::vector<std::shared_ptr<IoWorker>> workers_;
    const std::shared_ptr<ConnectionSettings> settings_;
    Acceptor acceptor_;
    std::string address_;
};

}  // namespace gateway
