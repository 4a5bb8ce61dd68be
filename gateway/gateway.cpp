#include "gateway/gateway.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/api/models.h"
#include "gateway/api/request_id.h"
#include "gateway/api/usage_answer.h"
#include "gateway/chat/idempotent_relay.h"
#include "gateway/chat/quote.h"
#include "gateway/chat/show.h"
#include "gateway/server/content_coding.h"
#include "gateway/server/cors.h"
#include "gateway/telemetry/version.h"
#include "gateway/telemetry/wall_clock.h"
#include "gateway/upstream/inflight.h"
#include "gateway/upstream/reasoning_store.h"
#include "gateway/upstream/upstream_keys.h"

namespace gateway {

namespace {

constexpr std::chrono::milliseconds kHeartbeat{250};
constexpr size_t kClientRequestIdBytesMax = 512;

// The client's own id is echoed and logged only as plain visible ASCII.
std::string client_request_id(const HttpHead& head) {
    const std::string_view id = head.field("x-client-request-id");
    if (id.size() > kClientRequestIdBytesMax) return {};
    for (const char c : id)
        if (c <= 0x20 || c >= 0x7f) return {};
    return std::string(id);
}

// "127.0.0.1:50412" or "[::1]:50412", without port and brackets.
std::string address_of(std::string_view peer) {
    std::string_view address = peer.substr(0, peer.rfind(':'));
    if (address.starts_with('[') && address.ends_with(']'))
        address = address.substr(1, address.size() - 2);
    return std::string(address);
}

// A larger body is inflated on a worker: here it would keep others waiting.
constexpr size_t kInflatedHereMax = 8 << 10;

tl::expected<std::string, ApiError> inflated(std::string body, size_t n_bytes_max) {
    auto content = inflate(body, n_bytes_max);
    if (content) return std::move(*content);
    ApiError error =
        content.error() == InflateError::too_large
            ? http_refusal(413, "The request's body is larger than " + std::to_string(n_bytes_max) +
                                    " bytes once its Content-Encoding is undone.")
            : http_refusal(400, "The request's body is not what its Content-Encoding says.");
    error.close = false;  // the body was read
    return tl::unexpected(std::move(error));
}

asio::awaitable<tl::expected<std::string, ApiError>> inflate_elsewhere(std::string body,
                                                                       size_t n_bytes_max) {
    co_return inflated(std::move(body), n_bytes_max);
}

// Counts a request as long as it is answered.
struct Open {
    std::atomic<int64_t>& n;
    explicit Open(std::atomic<int64_t>& counter) : n(counter) { ++n; }
    ~Open() { --n; }
};

}  // namespace

struct Gateway::Local {
    Local(IoThread& thread, const GatewayParts& parts, asio::thread_pool& workers,
          const config::Limits& limits, std::shared_ptr<InflightCounts> inflight,
          std::shared_ptr<UpstreamKeys> keys, const std::shared_ptr<ReasoningStore>& reasoning,
          RunningKeys& running_keys, routing::RateLimiter& rates, const std::atomic<bool>& ending)
        : mailbox(thread.io),
          heartbeat(thread.io, kHeartbeat),
          hasher(parts.billing.make_hasher()),
          request_names(parts.billing.make_request_names()),
          upstreams(UpstreamClient::create(thread.io, limits, std::move(inflight), reasoning, false,
                                           std::move(keys))),
          services{thread.io,  workers,      parts.billing, *request_names, mailbox,
                   heartbeat,  *upstreams,   parts.metrics, parts.log,      rates,
                   *reasoning, running_keys, ending} {}

    CommitMailbox mailbox;
    Heartbeat heartbeat;
    std::unique_ptr<billing::KeyHasher> hasher;
    std::unique_ptr<billing::RequestNames> request_names;
    std::unique_ptr<UpstreamClient> upstreams;
    RelayServices services;
};

struct Gateway::Head {
    RouteMatch match;
    billing::Authenticated caller;
    std::string request_id;
    bool is_compressed = false;  // the body
};

Gateway::Gateway(const GatewayParts& parts, std::shared_ptr<const config::Config> config)
    : parts_(parts),
      reasoning_(std::make_shared<ReasoningStore>(config->limits.reasoning_bytes_max)),
      inflight_(std::make_shared<InflightCounts>()),
      upstream_keys_(std::make_shared<UpstreamKeys>()) {
    for (auto& thread : parts_.threads)
        locals_.push_back(std::make_unique<Local>(*thread, parts_, workers_, config->limits,
                                                  inflight_, upstream_keys_, reasoning_,
                                                  running_keys_, rates_, ending_));
    swap_config(std::move(config));
}

Gateway::~Gateway() {
    workers_.join();
}

std::shared_ptr<const Snapshot> Gateway::snapshot() const {
    const std::lock_guard lock(snapshot_mutex_);
    return snapshot_;
}

std::shared_ptr<const config::Config> Gateway::config() const {
    return snapshot()->config;
}

void Gateway::swap_config(std::shared_ptr<const config::Config> config) {
    auto next = std::make_shared<Snapshot>();
    next->metrics = parts_.metrics.children(*config);
    next->engines = parts_.engines;
    next->config = std::move(config);
    const std::lock_guard lock(snapshot_mutex_);
    next->health = carry_health(snapshot_.get(), *next->config);
    next->budgets = carry_budgets(snapshot_.get(), *next->config);
    snapshot_ = std::move(next);
}

std::map<std::string, int64_t> Gateway::n_waiting() const {
    return inflight_->n_waiting();
}

void Gateway::show_health() const {
    const auto snapshot = this->snapshot();
    const auto now = std::chrono::steady_clock::now();
    for (size_t i = 0; i < snapshot->health.size(); ++i)
        snapshot->metrics->is_up(i, snapshot->health[i]->is_up(now));
}

nlohmann::ordered_json Gateway::show(nlohmann::ordered_json server) const {
    const auto snapshot = this->snapshot();
    nlohmann::ordered_json shown = std::move(server);
    shown["state"] = ending_ ? "ending" : draining_ ? "draining" : "serving";
    shown["requests"] = {{"running", n_requests_open_.load()},
                         {"running_max", snapshot->config->limits.n_requests_max}};
    shown["ledger"] = show_ledger(parts_.billing, *snapshot->config);
    shown["limits"] = show_limits(*snapshot->config);
    shown["routes"] = show_routes(*snapshot->config);
    shown["endpoints"] = show_endpoints(*snapshot, std::chrono::steady_clock::now());
    shown["upstreams"] =
        show_upstreams(*snapshot, {*inflight_, *upstream_keys_}, std::chrono::steady_clock::now());
    shown["engines"] = show_engines(*snapshot);
    return shown;
}

HttpFields Gateway::common_fields(const HttpHead& head) {
    if (head.field("origin").empty()) return {};
    return cors_fields(config()->listen.cors_origins, head);
}

std::optional<HttpAnswer> Gateway::judge_head(size_t io_thread, const HttpHead& head,
                                              std::shared_ptr<void>& state) {
    auto found = std::make_shared<Head>();
    found->request_id = new_request_id();
    auto match = match_route(head.method, head.path);
    if (!match) return refuse(match.error(), found->request_id, head.received);
    found->match = std::move(*match);
    if (found->match.role == Role::client) {
        if (auto error = authenticate(*locals_[io_thread], head, *found))
            return refuse(*error, found->request_id, head.received);
    }
    if (found->match.has_body) {
        if (auto error = check_content_type(head.field("content-type")))
            return refuse(*error, found->request_id, head.received);
        const auto compressed = is_compressed(head.field("content-encoding"));
        if (!compressed) return refuse(compressed.error(), found->request_id, head.received);
        found->is_compressed = *compressed;
    }
    state = std::move(found);
    return {};
}

std::optional<ApiError> Gateway::authenticate(Local& local, const HttpHead& head, Head& found) {
    const auto key = extract_credential(head);
    if (!key) return key.error();
    const billing::Presence presence{wall_clock_now(), address_of(head.peer)};
    const auto caller = parts_.billing.authenticate(*local.hasher, *key, presence);
    if (!caller) return api_error(caller.error());
    found.caller = *caller;
    return {};
}

HttpAnswer Gateway::answer_for(const ApiError& error, std::string_view request_id) const {
    HttpAnswer answer;
    answer.status = error.status;
    answer.body = error_body(error);
    answer.fields.emplace_back("x-request-id", request_id);
    answer.fields.emplace_back("cache-control", "private, no-store");
    for (const auto& field : error.headers) answer.fields.push_back(field);
    answer.close = error.close;
    return answer;
}

HttpAnswer Gateway::refuse(const ApiError& error, const std::string& request_id,
                           TimePoint received) const {
    const auto snapshot = this->snapshot();
    RequestRecord record;
    record.request_id = request_id;
    record.status = error.status;
    record.outcome =
        error.status < 500 ? billing::Outcome::caller_error : billing::Outcome::internal;
    record.detail = error.code.value_or(error.type);
    record.total = std::chrono::steady_clock::now() - received;
    snapshot->metrics->record(record);
    parts_.log.request(record, *snapshot->config, nullptr);
    return answer_for(error, request_id);
}

HttpAnswer Gateway::refusal(int status, std::string_view reason) {
    return refuse(http_refusal(status, reason), new_request_id(), std::chrono::steady_clock::now());
}

asio::awaitable<void> Gateway::handle(size_t io_thread, const HttpHead& head, std::string body,
                                      std::shared_ptr<void> state, HttpExchange& exchange) {
    const auto& found = *static_cast<const Head*>(state.get());
    if (found.is_compressed) {
        Inflated content = co_await inflate_body(std::move(body));
        if (!content) {
            co_await exchange.send(refuse(content.error(), found.request_id, head.received));
            co_return;
        }
        body = std::move(*content);
    }
    switch (found.match.handler) {
        case HandlerId::chat_completions:
            co_await chat(*locals_[io_thread], found, head, std::move(body), exchange);
            co_return;
        case HandlerId::models:
        case HandlerId::model:
            co_await exchange.send(models(found));
            co_return;
        case HandlerId::usage:
            co_await exchange.send(usage(found));
            co_return;
        case HandlerId::quote:
            co_await quote(found, head, std::move(body), exchange);
            co_return;
        case HandlerId::healthz:
        case HandlerId::readyz:
        case HandlerId::root:
        case HandlerId::options:
            co_await exchange.send(plain(found));
            co_return;
    }
}

asio::awaitable<Gateway::Inflated> Gateway::inflate_body(std::string body) {
    const auto n_bytes_max = static_cast<size_t>(config()->limits.body_bytes_max);
    if (body.size() <= kInflatedHereMax) co_return inflated(std::move(body), n_bytes_max);
    co_return co_await asio::co_spawn(workers_, inflate_elsewhere(std::move(body), n_bytes_max),
                                      asio::use_awaitable);
}

HttpAnswer Gateway::plain(const Head& found) const {
    HttpAnswer answer;
    answer.content_type = "text/plain; charset=utf-8";
    answer.fields.emplace_back("x-request-id", found.request_id);
    answer.fields.emplace_back("cache-control", "no-store");
    switch (found.match.handler) {
        case HandlerId::readyz:
            if (draining_) {
                answer.status = 503;
                answer.body = "draining\n";
            } else if (!parts_.billing.counters().available) {
                answer.status = 503;
                answer.body = "the ledger cannot be written\n";
            } else {
                answer.body = "ready\n";
            }
            break;
        case HandlerId::options:
            answer.status = 204;
            answer.fields.emplace_back("allow", found.match.allow);
            break;
        case HandlerId::root:
            answer.body = std::string("Weir ") + kVersion + ", an OpenAI-compatible gateway.\n";
            break;
        case HandlerId::healthz:
        case HandlerId::chat_completions:
        case HandlerId::quote:
        case HandlerId::models:
        case HandlerId::model:
        case HandlerId::usage:
            answer.body = "ok\n";
            break;
    }
    return answer;
}

HttpAnswer Gateway::json_answer(std::string body, const Head& found) const {
    HttpAnswer answer;
    answer.body = std::move(body);
    answer.fields.emplace_back("x-request-id", found.request_id);
    answer.fields.emplace_back("cache-control", "private, no-store");
    return answer;
}

HttpAnswer Gateway::models(const Head& found) const {
    const auto config = this->config();
    const billing::KeyScope* scope = found.caller.scope.get();
    if (found.match.handler == HandlerId::models)
        return json_answer(models_list(*config, scope), found);
    auto entry = model_entry(*config, found.match.model, scope);
    if (!entry) return answer_for(entry.error(), found.request_id);
    return json_answer(std::move(*entry), found);
}

HttpAnswer Gateway::usage(const Head& found) const {
    const auto view = parts_.billing.usage(found.caller, wall_clock_now());
    return json_answer(usage_answer(view), found);
}

asio::awaitable<void> Gateway::quote(const Head& found, const HttpHead& head, std::string body,
                                     HttpExchange& exchange) {
    const Open open(n_requests_open_);
    const auto snapshot = this->snapshot();
    if (n_requests_open_ > snapshot->config->limits.n_requests_max) {
        co_await exchange.send(refuse(overloaded(), found.request_id, head.received));
        co_return;
    }
    const PlanTerms terms{static_cast<uint64_t>(found.caller.account.n),
                          0,
                          wall_clock_now(),
                          found.caller.scope.get(),
                          true,
                          reasoning_.get(),
                          head.fields};
    auto text = co_await quote_chat(std::move(body), *snapshot, workers_, terms);
    HttpAnswer answer;
    if (text)
        answer = json_answer(std::move(*text), found);
    else
        answer = refuse(text.error(), found.request_id, head.received);
    co_await exchange.send(std::move(answer));
}

asio::awaitable<void> Gateway::chat(Local& local, const Head& found, const HttpHead& head,
                                    std::string body, HttpExchange& exchange) {
    const Open open(n_requests_open_);
    auto snapshot = this->snapshot();
    if (n_requests_open_ > snapshot->config->limits.n_requests_max) {
        co_await exchange.send(refuse(overloaded(), found.request_id, head.received));
        co_return;
    }
    // Named, not a temporary of the co_await: g++ 12 destroys braced ones twice.
    RelayRequest request{std::move(snapshot),     found.caller,  found.request_id,
                         client_request_id(head), head.received, head.fields};
    const std::string_view key = head.field("idempotency-key");
    if (key.empty() || request.snapshot->config->limits.idempotency_bytes_max == 0) {
        co_await relay_chat(local.services, std::move(request), std::move(body), exchange);
        co_return;
    }
    co_await relay_once(local.services, std::move(request), std::string(key), std::move(body),
                        exchange);
}

}  // namespace gateway
