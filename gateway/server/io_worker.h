#pragma once
// What the connections of one io thread share: their list, the sweep of their deadlines, the date.
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/server/server.h"

namespace gateway {

class Connection;

// Confined to its io thread but for n_assigned. Kept alive by its connections; thread, handler and
// counters outlive it in use.
class IoWorker final : public std::enable_shared_from_this<IoWorker> {
public:
    struct Shared {  // by all workers of a server
        explicit Shared(HttpHandler& its_handler) : handler(its_handler) {}

        HttpHandler& handler;
        ServerCounters counters;
        bool half_closed_clients = false;
    };

    IoWorker(IoThread& thread, std::shared_ptr<Shared> shared);

    asio::io_context& io() { return thread_.io; }
    size_t index() const { return thread_.index; }
    HttpHandler& handler() { return shared_->handler; }
    ServerCounters& counters() { return shared_->counters; }
    bool half_closed_clients() const { return shared_->half_closed_clients; }
    bool is_draining() const { return draining_; }
    // "Wed, 25 Nov 2026 02:00:00 GMT", made once a second.
    std::string_view date();

    void add(Connection& connection);
    void remove(Connection& connection);
    void drain();
    void abort_all();
    // The io thread runs no more: the waits that keep connections alive are dropped.
    void drop_all();

    std::atomic<int64_t> n_assigned{0};  // connections given to this thread and not yet ended

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kSweepInterval{100};

    void arm_sweep();
    void sweep();
    std::vector<std::shared_ptr<Connection>> snapshot();

    IoThread& thread_;
    const std::shared_ptr<Shared> shared_;
    asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::io_context::executor_type>
        sweep_timer_;
    bool sweep_armed_ = false;
    bool draining_ = false;
    std::vector<Connection*> connections_;  // each knows its place
    int64_t date_second_ = 0;
    std::string date_;
};

}  // namespace gateway
