#pragma once
// The families of /metrics, prefix weir_. Labels come from the config only, so their number is
// bounded. Children are looked up once per config (MetricChildren) and kept in its snapshot: never
// on the hot path.
//
// Threads: recording from any thread; text() from the ops thread.
#include <chrono>
#include <memory>
#include <string>

#include "billing/billing.h"
#include "config/config.h"
#include "engine/engine.h"

namespace gateway {

// What one request came to, for metrics and for the log line. Indices are into the snapshot's
// config.
struct RequestRecord {
    std::string request_id;
    std::string client_request_id;   // the client's own id, checked text
    int64_t ledger_request = 0;      // 0: refused before a hold
    std::optional<size_t> route;     // absent: unknown model
    std::optional<size_t> endpoint;  // who answered last
    int status = 0;
    bool stream = false;
    billing::Outcome outcome = billing::Outcome::internal;
    std::string detail;     // why it failed; never a key, prompt or answer
    std::string reasoning;  // x-weir-reasoning
    std::string reason;     // x-weir-reason
    int n_attempts = 0;
    billing::TokenCounts tokens;
    std::optional<billing::TokenCounts> upstream_tokens;
    std::optional<billing::TokenCounts> counted_tokens;  // ours beside the upstream's
    billing::CountSource source = billing::CountSource::engine;
    uint32_t flags = 0;
    billing::NanoUsd usd;
    // Stage times, in the order in which they happen; 0: not reached.
    std::chrono::nanoseconds parse{0}, plan{0}, reserve{0}, ttft{0}, settle{0}, total{0};
};

// Everything that one config's labels name. Immutable; dies with the last request of its snapshot.
class MetricChildren {
public:
    virtual ~MetricChildren() = default;
    virtual void record(const RequestRecord& record) = 0;
    // `failure` absent: the attempt answered.
    virtual void attempt(size_t endpoint, std::optional<config::FailureClass> failure) = 0;
    virtual void inflight(size_t endpoint, int change) = 0;
    virtual void is_up(size_t endpoint, bool up) = 0;
    // An attempt that needed room in the retry budget: made or not.
    virtual void retry(size_t endpoint, bool made) = 0;
    // A request of a route that has a canary: whether it is among those that get it.
    virtual void canary(size_t route, bool taken) = 0;
};

// What is read at scrape time only.
struct MetricSources {
    const billing::Billing* billing = nullptr;
    std::vector<std::pair<std::string, const engine::Engine*>> engines;
    std::function<int64_t()> n_connections_open;
    std::function<void()> show_health;  // sets what is_up() sets; may be empty
    // Requests that wait for a place, by upstream; may be empty.
    std::function<std::map<std::string, int64_t>()> n_waiting;
};

class Metrics {
public:
    static std::unique_ptr<Metrics> create();
    virtual ~Metrics() = default;
    virtual std::unique_ptr<MetricChildren> children(const config::Config& config) = 0;
    virtual void stream_opened() = 0;
    virtual void stream_closed() = 0;
    virtual void keepalive_sent() = 0;
    virtual void ledger_commit(double seconds, int64_t n_entries) = 0;
    // A budget's threshold was reached: told with the account, where the config lists it.
    virtual void budget_alert(const billing::BudgetNote& note) = 0;
    virtual void config_loaded(const config::Config& config) = 0;
    virtual void config_refused() = 0;
    // The exposition in Prometheus' text format.
    virtual std::string text(const MetricSources& sources) = 0;
};

}  // namespace gateway
