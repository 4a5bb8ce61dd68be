#pragma once
// Remote OpenAI-compatible endpoints. The only place that opens a connection to an upstream.
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "config/config.h"
#include "gateway/api/chat_request.h"
#include "gateway/chat/attempt.h"
#include "routing/router.h"

namespace gateway {

// What is sent for one attempt.
struct UpstreamCall {
    const config::Upstream* upstream = nullptr;
    const config::Endpoint* endpoint = nullptr;
    const ChatRequest* request = nullptr;  // outlives the attempt
    int64_t n_output_tokens_max = 0;       // sent on: what is held
    routing::Thinking thinking;
    config::UpstreamApi api = config::UpstreamApi::chat;  // never automatic
    uint64_t account = 0;                                 // whose the conversation is
    config::Timeouts timeouts;
    TimePoint deadline;      // of the whole request
    std::string request_id;  // sent as x-request-id
};

class InflightCounts;  // inflight.h
class ReasoningStore;  // reasoning_store.h
class UpstreamKeys;    // upstream_keys.h

// One per io thread, confined to it. Outlives its attempts.
class UpstreamClient {
public:
    // `inflight`, `reasoning` and `keys` are shared by the clients of all io threads, so that
    // n_inflight_max holds for the process; null: this client has its own. `all_by_libcurl`: our
    // own client for plain HTTP is not used.
    static std::unique_ptr<UpstreamClient> create(
        asio::io_context& io, const config::Limits& limits,
        std::shared_ptr<InflightCounts> inflight = nullptr,
        std::shared_ptr<ReasoningStore> reasoning = nullptr, bool all_by_libcurl = false,
        std::shared_ptr<UpstreamKeys> keys = nullptr);
    virtual ~UpstreamClient() = default;
    // Starts at once. `config` keeps alive what the call points to.
    virtual std::unique_ptr<Attempt> start(const UpstreamCall& call,
                                           std::shared_ptr<const config::Config> config) = 0;
};

}  // namespace gateway
