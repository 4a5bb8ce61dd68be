#include "gateway/upstream/upstream_client.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "gateway/telemetry/version.h"
#include "gateway/telemetry/wall_clock.h"
#include "gateway/upstream/call_repair.h"
#include "gateway/upstream/chat_events.h"
#include "gateway/upstream/json_parser.h"
#include "gateway/upstream/kept_reasoning.h"
#include "gateway/upstream/messages_body.h"
#include "gateway/upstream/messages_events.h"
#include "gateway/upstream/queued_attempt.h"
#include "gateway/upstream/reasoning_store.h"
#include "gateway/upstream/refused_attempt.h"
#include "gateway/upstream/remote_attempt.h"
#include "gateway/upstream/responses_body.h"
#include "gateway/upstream/responses_events.h"
#include "gateway/upstream/rotating_attempt.h"
#include "gateway/upstream/upstream_body.h"

namespace gateway {

namespace {

// The headers that every request with one key has in common.
class HeaderCache {
public:
    std::shared_ptr<const HeaderList> get(const config::Upstream& upstream, size_t key,
                                          bool streamed) {
        const std::string& secret =
            upstream.api_keys.empty() ? upstream.api_key.reveal() : upstream.api_keys[key].reveal();
        Entry& entry = entries_[{upstream.name, key, streamed}];
        if (!entry.headers || entry.kind != upstream.kind || entry.key != secret) {
            entry.kind = upstream.kind;
            entry.key = secret;
            entry.headers = make(upstream.kind, secret, streamed);
        }
        return entry.headers;
    }

private:
    struct Entry {
        config::UpstreamKind kind = config::UpstreamKind::openai_compatible;
        std::string key;
        std::shared_ptr<const HeaderList> headers;
    };

    static std::shared_ptr<const HeaderList> make(config::UpstreamKind kind, const std::string& key,
                                                  bool streamed) {
        auto headers = std::make_shared<HeaderList>();
        headers->add("content-type: application/json");
        headers->add(streamed ? "accept: text/event-stream" : "accept: application/json");
        headers->add(std::string("user-agent: weir/") + kVersion);
        headers->add("expect:");
        if (kind == config::UpstreamKind::anthropic) {
            headers->add("anthropic-version: 2023-06-01");
            if (!key.empty()) headers->add("x-api-key: " + key);
        } else if (!key.empty()) {
            headers->add("authorization: Bearer " + key);
        }
        return headers;
    }

    std::map<std::tuple<std::string, size_t, bool>, Entry> entries_;
};

std::shared_ptr<const Passage> passage_of(const config::Upstream& upstream) {
    const config::UpstreamTls& tls = upstream.tls;
    if (upstream.proxy.empty() && tls.ca_file.empty() && tls.certificate.empty()) return nullptr;
    return std::make_shared<const Passage>(Passage{upstream.proxy.reveal(), tls});
}

std::string url_of(const std::string& base_url, config::UpstreamApi api) {
    if (api == config::UpstreamApi::responses) return base_url + "/responses";
    if (api != config::UpstreamApi::messages) return base_url + "/chat/completions";
    // Anthropic's own SDKs take a base without the version, OpenAI's one with it.
    return base_url + (base_url.ends_with("/v1") ? "/messages" : "/v1/messages");
}

tl::expected<std::string, Failure> body_of(const UpstreamCall& call,
                                           const ReasoningStore& reasoning) {
    if (call.api == config::UpstreamApi::responses) return responses_body(call, reasoning);
    if (call.api == config::UpstreamApi::messages) return messages_body(call, reasoning);
    return upstream_body(call, reasoning);
}

InflightCounts::Claim claim_of(const UpstreamCall& call) {
    return {call.account, call.request->n_prompt_tokens_estimate + call.n_output_tokens_max,
            call.upstream->n_inflight_max, call.upstream->n_queued_max};
}

// Nothing that could end a header line goes into one.
std::string request_id_header(const std::string& id) {
    const bool clean =
        std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; });
    return clean && !id.empty() ? "x-request-id: " + id : std::string();
}

class RemoteUpstreamClient final : public UpstreamClient {
public:
    RemoteUpstreamClient(asio::io_context& io, const config::Limits& limits,
                         std::shared_ptr<InflightCounts> inflight,
                         std::shared_ptr<ReasoningStore> reasoning, bool all_by_libcurl,
                         std::shared_ptr<UpstreamKeys> keys)
        : io_(io),
          limits_(limits),
          inflight_(std::move(inflight)),
          reasoning_(std::move(reasoning)),
          keys_(std::move(keys)),
          transfers_(io, all_by_libcurl) {}

    std::unique_ptr<Attempt> start(const UpstreamCall& call,
                                   std::shared_ptr<const config::Config> config) override {
        const config::Upstream& upstream = *call.upstream;
        const InflightCounts::Claim claim = claim_of(call);
        auto permit = inflight_->acquire(upstream.name, claim);
        if (permit) return begin(call, std::move(config), std::move(*permit));
        if (upstream.n_queued_max == 0) return refuse("n_inflight_max of the upstream is reached");
        const TimePoint now = std::chrono::steady_clock::now();
        auto queued = std::make_unique<QueuedAttempt>(
            io_, std::min(now + upstream.queue_time_max, call.deadline),
            [this, call, config](InflightCounts::Permit free) {
                return begin(call, config, std::move(free));
            });
        if (!queued->enter(*inflight_, upstream.name, claim))
            return refuse("n_queued_max of the upstream is reached");
        return queued;
    }

private:
    static std::unique_ptr<Attempt> refuse(const char* detail) {
        return std::make_unique<RefusedAttempt>(failed(config::FailureClass::overloaded, detail));
    }

    std::unique_ptr<Attempt> begin(const UpstreamCall& call,
                                   std::shared_ptr<const config::Config> config,
                                   InflightCounts::Permit permit) {
        const config::Upstream& upstream = *call.upstream;
        if (upstream.api_keys.empty()) return ask(call, std::move(config), std::move(permit), 0);
        const size_t key =
            keys_->choose(upstream.name, upstream.api_keys, std::chrono::steady_clock::now());
        auto first = ask(call, config, std::move(permit), key);
        return std::make_unique<RotatingAttempt>(
            keys_, upstream, key, std::move(first),
            [this, call, config](size_t other) -> std::unique_ptr<Attempt> {
                auto free = inflight_->acquire(call.upstream->name, claim_of(call));
                return free ? ask(call, config, std::move(*free), other) : nullptr;
            });
    }

    std::unique_ptr<Attempt> ask(const UpstreamCall& call,
                                 std::shared_ptr<const config::Config> config,
                                 InflightCounts::Permit permit, size_t key) {
        TransferRequest request;
        request.url = url_of(call.upstream->base_url, call.api);
        auto body = body_of(call, *reasoning_);
        if (!body) return std::make_unique<RefusedAttempt>(std::move(body.error()));
        request.body = std::move(*body);
        request.headers = headers_.get(*call.upstream, key, call.request->stream);
        request.passage = passage_of(*call.upstream);
        request.own_header = request_id_header(call.request_id);
        return std::make_unique<RemoteAttempt>(AttemptServices{io_, limits_, transfers_}, call,
                                               std::move(config), std::move(permit),
                                               std::move(request), reader_of(call));
    }

    std::unique_ptr<AnswerReader> reader_of(const UpstreamCall& call) {
        if (call.api == config::UpstreamApi::responses) return responses_reader(call);
        if (call.api == config::UpstreamApi::messages) return messages_reader(call);
        return chat_reader(call);
    }
    std::unique_ptr<AnswerReader> chat_reader(const UpstreamCall& call) {
        auto reader = std::make_unique<ChatEvents>(parser_, call.request->n_choices,
                                                   call.request->include_usage);
        const bool is_wanted_back = call.endpoint->thinking.replay != config::ReplayRule::free &&
                                    call.thinking.tier != config::Effort::none;
        if (is_wanted_back) {
            const bool follows_results =
                call.request->body.find("\"tool_call_id\"") != std::string::npos;
            reader->tap(keep_at(call, kPlainReasoning), follows_results);
        }
        const ChatRequest& request = *call.request;
        const bool may_leak = call.upstream->kind == config::UpstreamKind::openai_compatible ||
                              call.upstream->kind == config::UpstreamKind::deepseek;
        if (may_leak && request.has_tools && request.n_choices == 1)
            return std::make_unique<CallRepair>(std::move(reader), request);
        return reader;
    }
    std::unique_ptr<AnswerReader> responses_reader(const UpstreamCall& call) {
        ResponsesEvents::Terms terms;
        terms.include_usage = call.request->include_usage;
        terms.logprobs = call.request->sampling.logprobs;
        terms.keep = keep_at(call, call.endpoint->name);
        return std::make_unique<ResponsesEvents>(parser_, std::move(terms));
    }
    std::unique_ptr<AnswerReader> messages_reader(const UpstreamCall& call) {
        MessagesEvents::Terms terms;
        terms.include_usage = call.request->include_usage;
        terms.created = wall_clock_now().ms / 1'000;
        if (call.thinking.tier != config::Effort::none)
            terms.keep = keep_at(call, call.endpoint->name);
        return std::make_unique<MessagesEvents>(parser_, std::move(terms));
    }
    KeepReasoning keep_at(const UpstreamCall& call, std::string_view place) const {
        return [store = reasoning_, account = call.account, place = std::string(place)](
                   std::span<const std::string> calls, std::string reasoning) {
            store->keep(account, place, calls, std::move(reasoning));
        };
    }

    asio::io_context& io_;
    const config::Limits limits_;
    const std::shared_ptr<InflightCounts> inflight_;
    const std::shared_ptr<ReasoningStore> reasoning_;
    const std::shared_ptr<UpstreamKeys> keys_;
    HeaderCache headers_;
    JsonParser parser_;
    Transfers transfers_;
};

}  // namespace

std::unique_ptr<UpstreamClient> UpstreamClient::create(asio::io_context& io,
                                                       const config::Limits& limits,
                                                       std::shared_ptr<InflightCounts> inflight,
                                                       std::shared_ptr<ReasoningStore> reasoning,
                                                       bool all_by_libcurl,
                                                       std::shared_ptr<UpstreamKeys> keys) {
    if (!keys) keys = std::make_shared<UpstreamKeys>();
    if (!inflight) inflight = std::make_shared<InflightCounts>();
    if (!reasoning) reasoning = std::make_shared<ReasoningStore>(limits.reasoning_bytes_max);
    return std::make_unique<RemoteUpstreamClient>(
        io, limits, std::move(inflight), std::move(reasoning), all_by_libcurl, std::move(keys));
}

}  // namespace gateway
