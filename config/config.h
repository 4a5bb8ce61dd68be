#pragma once
// What weir.yaml says, checked: plain structs that every layer reads and none changes. A Config is
// built whole by config/loader.h, shared as shared_ptr<const Config>, and swapped whole on reload.
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/conditions.h"
#include "config/price.h"
#include "config/thinking.h"
#include "config/units.h"

namespace config {

// A secret from the file or its environment. Has no stream operator on purpose: read reveal() where
// the bytes go out, never into a log.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
    const std::string& reveal() const { return bytes_; }
    bool empty() const { return bytes_.empty(); }

private:
    std::string bytes_;
};

struct Listen {
    std::string address = "127.0.0.1";
    uint16_t port = 8080;
    std::string socket;  // path of a Unix socket beside them; empty: none
    int n_io_threads = 1;
    std::chrono::milliseconds lame_duck{0};         // after SIGTERM: not ready, still accepting
    std::chrono::milliseconds drain_time{600'000};  // then: open requests may end within this
    bool half_closed_clients = false;       // a client's FIN after its request is not "gone"
    std::vector<std::string> cors_origins;  // whose pages may ask: "https://app.example.com"; "*"
};

struct Tls {  // PEM files; read again on reload
    std::string certificate;
    std::string private_key;
};

// What one may ask for. 0: as much as it likes.
struct RateLimit {
    int64_t requests_per_minute = 0;
    int64_t tokens_per_minute = 0;
    int64_t n_running_max = 0;  // requests admitted and not ended
    bool is_set() const {
        return requests_per_minute > 0 || tokens_per_minute > 0 || n_running_max > 0;
    }
};
struct RateLimits {
    RateLimit key, account;  // each key, each account
};

struct Limits {
    int64_t head_bytes_max = 64 << 10;
    int64_t n_head_fields_max = 100;
    int64_t target_bytes_max = 8 << 10;
    int64_t body_bytes_max = 32 << 20;
    int64_t json_depth_max = 64;
    int64_t n_json_members_max = 100'000;
    int64_t n_connections_max = 10'000;
    int64_t n_requests_max = 4'096;  // admitted and not ended, whole process; above: 503
    int64_t stream_buffer_bytes =
        64 << 10;  // unsent bytes of one stream before its producer is parked
    int64_t sse_event_bytes_max = 1 << 20;     // one upstream event
    int64_t answer_bytes_max = 64 << 20;       // one unstreamed upstream answer
    int64_t reasoning_bytes_max = 64 << 20;    // kept for upstreams that want it back with results
    int64_t idempotency_bytes_max = 64 << 20;  // kept answers of one account; 0: none are kept
    std::chrono::milliseconds head_timeout{10'000};
    std::chrono::milliseconds body_timeout{30'000};        // without progress
    std::chrono::milliseconds idle_timeout{75'000};        // between requests of one connection
    std::chrono::milliseconds write_timeout{60'000};       // a client that takes nothing
    std::chrono::milliseconds request_timeout{1'200'000};  // from head to last byte
    std::chrono::milliseconds keepalive{15'000};           // a comment line in a silent stream
    RateLimits rate_limits;                                // over all routes together
};

struct Ledger {
    std::string path = "weir.db";
    int64_t n_queued_max = 65'536;  // entries waiting for their commit; above: 503
};

enum class Encoding : uint8_t { preview, v0731 };

// What a V4's official implementation rounds on its way: FP8 inputs and KV rows, the FP4 indexer.
enum class Roundings : uint8_t { none, official };

// exact: f32 products of the stored numbers. fast: integer and bf16 products.
enum class Numerics : uint8_t { exact, fast };

// How KV rows are held. official: e4m3 with bf16 for the rotated numbers, e2m1 indexer keys.
enum class Kv : uint8_t { f32, bf16, official };

struct Engine {
    std::string name;
    std::string model;  // a checkpoint folder, or a GGUF file
    Encoding encoding = Encoding::v0731;
    Roundings roundings = Roundings::none;
    Numerics numerics = Numerics::exact;
    std::optional<Kv> kv;  // absent: official with such roundings, else f32 exact, bf16 fast
    int64_t n_ctx = 8192;
    int n_sequences_max = 8;
    std::optional<int64_t> kv_bytes_max;  // of all sequences in the batch at their longest
    int64_t prefix_cache_bytes_max = 256 << 20;
    int n_queued_max = 256;  // submitted and waiting for a place in the batch; above: overloaded
    int n_threads = 0;       // kernel workers; 0: one per core
    int64_t n_prefill_tokens = 256;        // prompt tokens fed between two decode steps
    std::optional<Effort> default_effort;  // what "thinking on" and nothing said mean; absent: high
    int64_t answer_tokens_min = 64;        // of an output limit, left by a thinking budget
};

enum class UpstreamKind : uint8_t { openai, deepseek, anthropic, openai_compatible };
std::string_view to_string(UpstreamKind kind);

// In which of an upstream's APIs an endpoint is spoken to.
enum class UpstreamApi : uint8_t { automatic, chat, responses, messages };
std::string_view to_string(UpstreamApi api);

struct Timeouts {
    std::chrono::milliseconds connect{5'000};
    std::chrono::milliseconds ttft{120'000};  // to the first event of a streamed answer
    std::chrono::milliseconds idle{60'000};   // between two reads
    std::chrono::milliseconds total{1'200'000};
};

struct UpstreamTls {      // PEM files; empty: not said
    std::string ca_file;  // instead of the system's
    std::string certificate, private_key;
};

struct Upstream {
    std::string name;
    UpstreamKind kind = UpstreamKind::openai_compatible;
    std::string base_url;          // without a trailing slash
    Secret api_key;                // may be empty for openai_compatible
    std::vector<Secret> api_keys;  // several instead of that one; empty or at least two
    Secret proxy;                  // "http://[user:password@]host:port"; empty: none
    UpstreamTls tls;
    int64_t n_inflight_max = 1'024;  // above: they wait, go to the next endpoint, or get 503
    int64_t n_queued_max = 0;        // that wait for a place
    std::chrono::milliseconds queue_time_max{10'000};
};

// A model at an upstream, or an engine. Exactly one of upstream and engine is set.
struct Endpoint {
    std::string name;
    std::optional<size_t> upstream;  // index into Config::upstreams
    std::optional<size_t> engine;    // index into Config::engines
    std::string model;               // as the upstream calls it; for an engine: the endpoint's name
    UpstreamApi api = UpstreamApi::automatic;  // routing/upstream_api.h says what that comes to
    int64_t n_ctx = 0;                         // an engine's own when it is one
    int64_t output_tokens_max = 0;
    int64_t output_tokens_default =
        0;                // the limit when the client names none; never above the maximum
    size_t price = 0;     // index into Config::prices
    int64_t quality = 0;  // 1 to 100, as its operator judges it; 0: nobody did
    // By Capability: what the model at an upstream can do. Not looked at for an engine.
    std::array<bool, kCapabilityCount> capabilities{true, true, true};
    ThinkingTable thinking;
};

// Why an attempt failed. Drives fall-back, never the bare status code.
enum class FailureClass : uint8_t {
    credential,
    quota,
    model_gone,
    rate_limit,
    overloaded,
    server_error,
    connect,
    timeout_ttft,
    timeout_idle,
    cut,
    malformed,
    caller_fault,
    content_policy,
    context_exceeded,
};
inline constexpr size_t kFailureClassCount = 14;
std::string_view to_string(FailureClass failure);
std::optional<FailureClass> parse_failure_class(std::string_view word);

// In which order the endpoints of a plan are tried.
enum class PlanOrder : uint8_t {
    listed,      // as the plan says
    weighted,    // drawn by weight
    cheapest,    // by what the request may cost there
    fastest,     // by how they have answered lately
    least_busy,  // by how many attempts run there
    warmest,     // by how much of the prompt is at hand there
    automatic,   // by cost, latency and quality together
};
std::string_view to_string(PlanOrder order);

struct Route {
    std::string name;
    std::vector<std::string> aliases;
    std::vector<size_t> plan;  // indices into Config::endpoints, best first
    PlanOrder order = PlanOrder::listed;
    std::vector<Condition> conditions;  // by place in the plan; empty: there are none
    std::optional<Canary> canary;
    Balance balance;               // automatic only
    std::vector<int64_t> weights;  // by place in the plan; weighted only
    bool sticky = false;           // weighted: prompts that begin alike go the same way
    std::string thinking;          // of a request that says nothing: an effort, "on", or nothing
    RateLimits rate_limits;        // on this route, besides those over all
    std::array<bool, kFailureClassCount> fall_back_on{};  // by FailureClass
    int n_retries_max = 0;  // after the last endpoint of the plan has failed, within the budget
    Timeouts timeouts;
};

struct Metrics {
    std::string address = "127.0.0.1";
    uint16_t port = 9464;
    std::vector<std::string> accounts;  // by path: those that a label may name
};

struct Log {
    enum class Format : uint8_t { text, json };
    enum class Level : uint8_t { debug, info, warning, error };
    Format format = Format::text;
    Level level = Level::info;
};

struct Config {
    Listen listen;
    std::optional<Tls> tls;
    Limits limits;
    Ledger ledger;
    std::vector<Engine> engines;
    std::vector<Upstream> upstreams;
    std::vector<Endpoint> endpoints;
    std::vector<Route> routes;
    std::vector<Price> prices;
    std::optional<Metrics> metrics;
    Log log;
    std::map<std::string, size_t, std::less<>> route_by_model;  // names and aliases
    std::string digest;  // SHA-256-free: 16 hex digits over the file's bytes, for logs and metrics
};

}  // namespace config
