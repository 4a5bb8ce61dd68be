#pragma once
// Everything behind the server: judges heads, answers the small endpoints, hands chats to the
// relay. Built once by `weir serve`; holds the running config as a snapshot that is swapped whole.
#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "billing/billing.h"
#include "gateway/api/routes.h"
#include "gateway/chat/chat_relay.h"
#include "gateway/chat/snapshot.h"
#include "gateway/server/http_types.h"
#include "gateway/server/server.h"

namespace gateway {

class InflightCounts;

struct GatewayParts {  // outlive the gateway
    billing::Billing& billing;
    std::vector<engine::Engine*> engines;  // by index of the config's engines
    std::vector<std::unique_ptr<IoThread>>& threads;
    Metrics& metrics;
    RequestLog& log;
};

class Gateway final : public HttpHandler {
public:
    Gateway(const GatewayParts& parts, std::shared_ptr<const config::Config> config);
    ~Gateway() override;

    HttpFields common_fields(const HttpHead& head) override;
    std::optional<HttpAnswer> judge_head(size_t io_thread, const HttpHead& head,
                                         std::shared_ptr<void>& state) override;
    asio::awaitable<void> handle(size_t io_thread, const HttpHead& head, std::string body,
                                 std::shared_ptr<void> state, HttpExchange& exchange) override;
    HttpAnswer refusal(int status, std::string_view reason) override;

    // Requests that begin from now on see this config. Any thread.
    void swap_config(std::shared_ptr<const config::Config> config);
    std::shared_ptr<const config::Config> config() const;
    // /readyz says 503 from now on.
    void set_draining() { draining_ = true; }
    // What still runs is ended within a moment: streams by an error event, the rest by 503.
    void end_requests() { ending_ = true; }
    // Brings the metrics up to date that nobody counts: before each scrape. Any thread.
    void show_health() const;
    int64_t n_requests_open() const { return n_requests_open_; }
    // For a place at each upstream. Any thread.
    std::map<std::string, int64_t> n_waiting() const;
    // What runs, as JSON: `server` in front, then requests, ledger, routes, endpoints and the rest.
    // Any thread.
    nlohmann::ordered_json show(nlohmann::ordered_json server) const;

private:
    struct Local;  // what belongs to one io thread
    struct Head;   // what judge_head() found out

    std::shared_ptr<const Snapshot> snapshot() const;
    std::optional<ApiError> authenticate(Local& local, const HttpHead& head, Head& found);
    HttpAnswer answer_for(const ApiError& error, std::string_view request_id) const;
    // The same, told in the log and counted: what no relay has seen.
    HttpAnswer refuse(const ApiError& error, const std::string& request_id,
                      TimePoint received) const;
    using Inflated = tl::expected<std::string, ApiError>;
    asio::awaitable<Inflated> inflate_body(std::string body);
    HttpAnswer plain(const Head& found) const;  // health, root, OPTIONS
    HttpAnswer models(const Head& found) const;
    HttpAnswer usage(const Head& found) const;
    HttpAnswer json_answer(std::string body, const Head& found) const;
    asio::awaitable<void> quote(const Head& found, const HttpHead& head, std::string body,
                                HttpExchange& exchange);
    asio::awaitable<void> chat(Local& local, const Head& found, const HttpHead& head,
                               std::string body, HttpExchange& exchange);

    const GatewayParts parts_;
    const std::shared_ptr<ReasoningStore> reasoning_;
    const std::shared_ptr<InflightCounts> inflight_;  // at upstreams, of all threads
    const std::shared_ptr<UpstreamKeys> upstream_keys_;
    asio::thread_pool workers_{1};  // tokenises long prompts
    std::vector<std::unique_ptr<Local>> locals_;
    mutable std::mutex snapshot_mutex_;
    std::shared_ptr<const Snapshot> snapshot_;  // guarded by snapshot_mutex_
    std::atomic<bool> draining_{false};
    routing::RateLimiter rates_;
    RunningKeys running_keys_;
    std::atomic<bool> ending_{false};
    std::atomic<int64_t> n_requests_open_{0};
};

}  // namespace gateway
