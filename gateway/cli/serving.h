#pragma once
// The running gateway: what `weir serve` builds, and what its signals do.
#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "billing/billing.h"
#include "config/config.h"
#include "engine/engine.h"
#include "gateway/control/control_server.h"
#include "gateway/gateway.h"
#include "gateway/server/server.h"
#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/ops_handler.h"
#include "gateway/telemetry/request_log.h"

namespace gateway {

// Members are in the order in which they are built; they go in reverse.
class Serving {
public:
    // Throws std::runtime_error with one line that says what is wrong and what to do.
    Serving(std::string config_file, config::Config config);
    ~Serving();
    // Until SIGTERM or SIGINT and the drain that follows. Returns the exit code.
    int run();

private:
    void open_engines();
    void open_billing();
    void check_keys_and_prices() const;
    void wait_for_signal();
    void reload();
    void drain();  // SIGTERM: not ready, then no new connections, then no new requests
    void stop_accepting();
    void end_requests();
    void wait_until_idle(std::chrono::steady_clock::time_point deadline);
    void stop();
    std::string show() const;  // any thread

    const std::string config_file_;
    const config::UnixMillis started_;
    std::atomic<int64_t> loaded_ms_;         // when the running config was
    std::atomic<bool> was_refused_ = false;  // the last reload
    std::shared_ptr<const config::Config> config_;
    std::unique_ptr<RequestLog> log_;
    std::unique_ptr<Metrics> metrics_;
    std::vector<std::unique_ptr<IoThread>> io_threads_;   // of the API
    std::vector<std::unique_ptr<IoThread>> ops_threads_;  // one: metrics, signals, timers
    std::unique_ptr<billing::Billing> billing_;
    std::vector<std::unique_ptr<engine::Engine>> engines_;
    std::unique_ptr<Gateway> gateway_;
    std::unique_ptr<Server> server_;
    std::unique_ptr<OpsHandler> ops_;
    std::unique_ptr<Server> ops_server_;
    std::unique_ptr<ControlServer> control_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer timer_;
    bool draining_ = false;
    bool ending_ = false;
};

}  // namespace gateway
