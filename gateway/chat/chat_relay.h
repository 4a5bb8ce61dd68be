#pragma once
// One chat request from its body to its settled entry: parse, plan, reserve, attempts, answer,
// settle.
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <random>
#include <span>
#include <string>

#include "billing/billing.h"
#include "gateway/chat/commit_mailbox.h"
#include "gateway/chat/heartbeat.h"
#include "gateway/chat/running_keys.h"
#include "gateway/chat/snapshot.h"
#include "gateway/server/http_types.h"
#include "gateway/telemetry/request_log.h"
#include "gateway/upstream/upstream_client.h"
#include "routing/rate_limiter.h"

namespace gateway {

// What the relays of one io thread share. Outlives them.
struct RelayServices {
    asio::io_context& io;
    asio::thread_pool& workers;  // for long prompts
    billing::Billing& billing;
    billing::RequestNames& request_names;
    CommitMailbox& mailbox;
    Heartbeat& heartbeat;
    UpstreamClient& upstreams;
    Metrics& metrics;
    RequestLog& log;
    routing::RateLimiter& rates;
    const ReasoningStore& reasoning;
    RunningKeys& running_keys;
    const std::atomic<bool>& ending;  // set once: what still runs is cut with an error event
    std::mt19937_64 dice{std::random_device{}()};  // for routing; nothing secret comes from it
};

struct RelayRequest {
    std::shared_ptr<const Snapshot> snapshot;
    billing::Authenticated caller;
    std::string request_id;         // "req_...", until a hold gives it the ledger's
    std::string client_request_id;  // echoed
    TimePoint received;
    std::span<const std::pair<std::string, std::string>> headers = {};  // outlive the relay
    std::optional<billing::IdempotencyKey> once = {};                   // its answer is kept
};

// Answers through `exchange`, always. Runs on the connection's io thread.
asio::awaitable<void> relay_chat(RelayServices& services, RelayRequest request, std::string body,
                                 HttpExchange& exchange);

}  // namespace gateway
