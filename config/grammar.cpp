#include "config/grammar.h"

#include "config/grammar_conditions.h"
#include "config/grammar_prices.h"
#include "config/grammar_rows.h"
#include "config/grammar_thinking.h"

namespace config {

namespace {

constexpr int64_t kSecond = 1'000;
constexpr int64_t kDay = 24 * 3'600 * kSecond;
constexpr int64_t KiB = 1 << 10;
constexpr int64_t MiB = 1 << 20;
constexpr int64_t GiB = 1 << 30;
constexpr int64_t kKvBytesMax = GiB << 16;

constexpr Key kListenKeys[] = {
    scalar(Type::ip_address, "address",
           "IP address to listen on; 0.0.0.0 or :: for every interface.", "127.0.0.1",
           into<&Listen::address>),
    integer("port", "TCP port of the API; 0 takes a free one.", "8080", {0, 65'535},
            into<&Listen::port>),
    scalar(Type::text, "socket",
           "Path of a Unix socket to listen on as well, without TLS, for clients of the same user "
           "and group. They count as 127.0.0.1. Left out: none.",
           "", into<&Listen::socket>),
    integer("n_io_threads", "Threads that do network I/O.", "1", {1, 256},
            into<&Listen::n_io_threads>),
    duration("lame_duck", "After SIGTERM: how long to be not ready and still accept.", "0s",
             {0, kDay}, into<&Listen::lame_duck>),
    duration("drain_time", "After that: how long open requests may take to end.", "10m", {0, kDay},
             into<&Listen::drain_time>),
    scalar(Type::boolean, "half_closed_clients",
           "Whether a client that closed its sending side still wants its answer.", "false",
           into<&Listen::half_closed_clients>),
    {.name = "cors_origins",
     .type = Type::origins,
     .help = "Origins whose pages may ask from a browser; \"*\" is all. Left out: none."},
};
constexpr Section kListen{"Where clients connect.", kListenKeys};

constexpr Key kTlsKeys[] = {
    required(scalar(Type::text, "certificate",
                    "PEM file with the certificate chain; read again on reload.", "",
                    into<&Tls::certificate>)),
    required(scalar(Type::text, "private_key",
                    "PEM file with its private key; read again on reload.", "",
                    into<&Tls::private_key>)),
};
constexpr Section kTls{"TLS on the API listener. Left out: plain HTTP.", kTlsKeys};

constexpr Key kRateLimitKeys[] = {
    integer("requests_per_minute", "Chat requests; after a pause a whole minute's worth at once.",
            "", {1, 1'000'000}, into<&RateLimit::requests_per_minute>),
    integer("tokens_per_minute",
            "Tokens: the prompt's by estimate when a request comes, all that it used when it has "
            "ended.",
            "", {1, 1'000'000'000}, into<&RateLimit::tokens_per_minute>),
    integer("n_running_max", "Chat requests that run at once.", "", {1, 1'000'000},
            into<&RateLimit::n_running_max>),
};
constexpr Section kRateLimit{
    "How much each may ask for; above it: 429. What is left out has no limit.", kRateLimitKeys};

constexpr Key kRateLimitsKeys[] = {
    {.name = "key",
     .type = Type::section,
     .help = "Each key.",
     .section = &kRateLimit,
     .enter = &Into<&RateLimits::key>::enter},
    {.name = "account",
     .type = Type::section,
     .help = "Each account, all its keys together.",
     .section = &kRateLimit,
     .enter = &Into<&RateLimits::account>::enter},
};
constexpr Section kRateLimits{"How much each key and each account may ask for.", kRateLimitsKeys};

constexpr Key kLimitsKeys[] = {
    bytes("head_bytes_max", "Request line and header fields.", "64KiB", {KiB, MiB},
          into<&Limits::head_bytes_max>),
    integer("n_head_fields_max", "Header fields of one request.", "100", {8, 10'000},
            into<&Limits::n_head_fields_max>),
    bytes("target_bytes_max", "Request target.", "8KiB", {64, MiB},
          into<&Limits::target_bytes_max>),
    bytes("body_bytes_max", "Request body.", "32MiB", {KiB, GiB}, into<&Limits::body_bytes_max>),
    integer("json_depth_max", "Nesting of a JSON body.", "64", {8, 1'000},
            into<&Limits::json_depth_max>),
    integer("n_json_members_max", "Members of all JSON objects of a body; as many array elements.",
            "100000", {16, 10'000'000}, into<&Limits::n_json_members_max>),
    integer("n_connections_max", "Open client connections; above it none is accepted.", "10000",
            {1, 1'000'000}, into<&Limits::n_connections_max>),
    integer("n_requests_max", "Requests admitted and not ended; above it: 503.", "4096",
            {1, 1'000'000}, into<&Limits::n_requests_max>),
    bytes("stream_buffer_bytes", "Unsent bytes of one stream before its producer waits.", "64KiB",
          {KiB, 64 * MiB}, into<&Limits::stream_buffer_bytes>),
    bytes("sse_event_bytes_max", "One event of an upstream's stream.", "1MiB", {KiB, 64 * MiB},
          into<&Limits::sse_event_bytes_max>),
    bytes("answer_bytes_max", "One unstreamed answer of an upstream.", "64MiB", {KiB, GiB},
          into<&Limits::answer_bytes_max>),
    bytes("reasoning_bytes_max",
          "Reasoning kept in memory until the results of its tool calls come, where an upstream "
          "wants it back: of all accounts together, an eighth for one of them.",
          "64MiB", {KiB, GiB}, into<&Limits::reasoning_bytes_max>),
    bytes("idempotency_bytes_max",
          "Answers of one account that are kept for a day under the Idempotency-Key that their "
          "requests came with; above it: 429 for requests with a key. 0: the header is ignored.",
          "64MiB", {0, GiB}, into<&Limits::idempotency_bytes_max>),
    duration("head_timeout", "For the whole request head.", "10s", {1, kDay},
             into<&Limits::head_timeout>),
    duration("body_timeout", "For a request body that makes no progress.", "30s", {1, kDay},
             into<&Limits::body_timeout>),
    duration("idle_timeout", "Between two requests of one connection.", "75s", {1, kDay},
             into<&Limits::idle_timeout>),
    duration("write_timeout", "For a client that takes nothing.", "60s", {1, kDay},
             into<&Limits::write_timeout>),
    duration("request_timeout", "From a request's head to the last byte of its answer.", "20m",
             {1, kDay}, into<&Limits::request_timeout>),
    duration("keepalive", "Between comment lines in a silent stream.", "15s", {1, kDay},
             into<&Limits::keepalive>),
    {.name = "rate_limits",
     .type = Type::section,
     .help = "Over all routes together.",
     .section = &kRateLimits,
     .enter = &Into<&Limits::rate_limits>::enter},
};
constexpr Section kLimits{"How much of anything one client, connection or answer may take.",
                          kLimitsKeys};

constexpr Key kLedgerKeys[] = {
    scalar(Type::text, "path",
           "The SQLite file; the pepper, the anchors and the socket stand beside it.", "weir.db",
           into<&Ledger::path>),
    integer("n_queued_max", "Entries that wait for their commit; above it: 503.", "65536",
            {1, 10'000'000}, into<&Ledger::n_queued_max>),
};
constexpr Section kLedger{"Where accounts, keys and money are kept.", kLedgerKeys};

constexpr Key kEngineKeys[] = {
    required(scalar(Type::text, "model", "Folder of the checkpoint, or a GGUF file.", "",
                    into<&Engine::model>)),
    word("encoding", "The checkpoint's chat encoding: how thinking tiers are rendered.", "\"0731\"",
         Spelling<Encoding>::words, into<&Engine::encoding>),
    word("roundings",
         "official: round activations, KV and indexer as the official implementation does, and as "
         "its checkpoints were trained; none: compute with the stored numbers alone.",
         "none", Spelling<Roundings>::words, into<&Engine::roundings>),
    word(
        "numerics",
        "exact: products in f32 of the stored numbers; fast: integer and bf16 products, many times "
        "faster on quantised checkpoints, with a copy of the weights in memory.",
        "exact", Spelling<Numerics>::words, into<&Engine::numerics>),
    word("kv",
         "How the KV of a sequence is held. official: FP8 rows and FP4 indexer keys, a quarter of "
         "f32. Left out: official with official roundings, which loses nothing, else f32 with "
         "exact and bf16 with fast numerics.",
         "", Spelling<Kv>::words, into<&Engine::kv>),
    integer("n_ctx",
            "Tokens of one sequence, prompt and answer. Below 393216 the strongest thinking tier "
            "falls to high.",
            "8192", {16, kTokensMax}, into<&Engine::n_ctx>),
    integer("n_sequences_max", "Sequences in the batch.", "8", {1, 4'096},
            into<&Engine::n_sequences_max>),
    bytes("kv_bytes_max",
          "KV of all sequences in the batch, each counted at its prompt and output limit; further "
          "ones wait. At least one of n_ctx tokens must fit. Left out: n_sequences_max of n_ctx.",
          "", {MiB, kKvBytesMax}, into<&Engine::kv_bytes_max>),
    bytes("prefix_cache_bytes_max",
          "Memory for KV of earlier prompts, which their account's next prompts may begin with; "
          "the longest unused goes first. 0B: none.",
          "256MiB", {0, kKvBytesMax}, into<&Engine::prefix_cache_bytes_max>),
    integer("n_queued_max", "Requests that wait for a place in the batch; above it: overloaded.",
            "256", {1, 1'000'000}, into<&Engine::n_queued_max>),
    integer("n_threads", "Kernel threads; 0: one per core.", "0", {0, 1'024},
            into<&Engine::n_threads>),
    integer("n_prefill_tokens", "Prompt tokens fed between two decode steps.", "256", {1, 65'536},
            into<&Engine::n_prefill_tokens>),
    word("default_effort",
         "The tier of thinking switched on without a word, and of nothing said. preview: high, "
         "xhigh or max; 0731: low, high or max. Left out: high.",
         "", Spelling<Effort>::words, into<&Engine::default_effort>),
    integer(
        "answer_tokens_min",
        "Where a request bounds its thinking in tokens: what of the output limit is left to the "
        "answer. The thinking is closed earlier, and the response says so.",
        "64", {1, 1'000'000}, into<&Engine::answer_tokens_min>),
};
constexpr Section kEngine{"A model that runs in this process.", kEngineKeys};

constexpr Key kUpstreamTlsKeys[] = {
    scalar(Type::text, "ca_file",
           "PEM file with the certificates that the upstream's is checked against. Left out: the "
           "system's.",
           "", into<&UpstreamTls::ca_file>),
    scalar(Type::text, "certificate", "PEM file with a certificate to show to it.", "",
           into<&UpstreamTls::certificate>),
    scalar(Type::text, "private_key", "PEM file with its private key.", "",
           into<&UpstreamTls::private_key>),
};
constexpr Section kUpstreamTls{"TLS towards it. A file that changes is read with new connections.",
                               kUpstreamTlsKeys};

constexpr Key kUpstreamKeys[] = {
    required(word("kind",
                  "The provider's dialect. With the model it chooses the thinking table below.", "",
                  Spelling<UpstreamKind>::words, into<&Upstream::kind>)),
    required(scalar(
        Type::url, "base_url",
        "Where /chat/completions, or /responses, is appended; with kind anthropic /v1/messages, or "
        "/messages where it ends with /v1. https, or http to a loopback host.",
        "", into<&Upstream::base_url>)),
    scalar(Type::secret, "api_key", "The provider's key. May be left out for openai_compatible.",
           "", into<&Upstream::api_key>),
    {.name = "api_keys",
     .type = Type::secrets,
     .help = "Several keys instead of api_key: they take turns, and one that is refused for its "
             "credentials, quota or rate rests while the others go on.",
     .min = 2},
    scalar(
        Type::secret, "proxy",
        "A proxy on the way: http://[user:password@]host:port. https upstreams are asked through "
        "CONNECT. Left out: none, whatever the environment says.",
        "", into<&Upstream::proxy>),
    {.name = "tls",
     .type = Type::section,
     .help = "TLS towards it.",
     .section = &kUpstreamTls,
     .enter = &Into<&Upstream::tls>::enter},
    integer("n_inflight_max", "Requests in flight to it; above it: the next endpoint, or 503.",
            "1024", {1, 1'000'000}, into<&Upstream::n_inflight_max>),
    integer("n_queued_max",
            "Requests that wait when n_inflight_max is reached: accounts in turns that are fair by "
            "tokens, none with more than 15 of 16 places. Above it: the next endpoint, or 503.",
            "0", {0, 100'000}, into<&Upstream::n_queued_max>),
    duration("queue_time_max", "How long a request may wait there.", "10s", {1, kDay},
             into<&Upstream::queue_time_max>),
};
constexpr Section kUpstream{"A provider of models.", kUpstreamKeys};

constexpr Key kEndpointKeys[] = {
    {.name = "engine",
     .type = Type::reference,
     .help = "The engine that answers; or write upstream.",
     .refers_to = "engines"},
    {.name = "upstream",
     .type = Type::reference,
     .help = "The upstream that answers; or write engine.",
     .refers_to = "upstreams"},
    scalar(Type::text, "model",
           "The model as the upstream calls it. Required with upstream, not allowed with engine.",
           "", into<&Endpoint::model>),
    word("api",
         "With upstream: the API that it is asked in. Left out: auto, which is chat, but with kind "
         "openai responses "
         "for models that have no other (-pro, -codex), and for those that only think there when "
         "tools are given. Not allowed with kind anthropic, which has the Messages API alone.",
         "", Spelling<UpstreamApi>::words, into<&Endpoint::api>),
    integer("n_ctx", "Tokens of prompt and answer. Required with upstream; an engine has its own.",
            "", {16, kTokensMax}, into<&Endpoint::n_ctx>),
    integer("output_tokens_max",
            "The highest output limit a client may ask for. Required with upstream; with engine: "
            "its n_ctx if left out.",
            "", {1, kTokensMax}, into<&Endpoint::output_tokens_max>),
    integer("output_tokens_default",
            "The output limit of a client that names none; it is held and sent on. Left out: 4096 "
            "with upstream; with engine the smaller of 1024 and half its n_ctx; never above "
            "output_tokens_max.",
            "", {1, kTokensMax}, into<&Endpoint::output_tokens_default>),
    required({.name = "price",
              .type = Type::reference,
              .help = "What clients pay.",
              .refers_to = "prices"}),
    integer("quality",
            "How good its answers are beside the others', as you judge it. Required by routes with "
            "order: auto.",
            "", {1, 100}, into<&Endpoint::quality>),
    {.name = "capabilities",
     .type = Type::words,
     .help = "With upstream: what the model can do beyond text. Requests that need something else "
             "(tools or functions, a json_schema as response format, images and other media) pass "
             "it over. Left out: all.",
     .words = Spelling<Capability>::words},
    {.name = "thinking",
     .type = Type::section,
     .help = "How it thinks, where that differs from the table shipped for its model or kind.",
     .section = &kThinkingSection},
};
constexpr Section kEndpoint{"A model at an upstream, or an engine.", kEndpointKeys};

constexpr Key kTimeoutsKeys[] = {
    duration("connect", "To a connection, TLS included.", "5s", {1, kDay},
             into<&Timeouts::connect>),
    duration("ttft", "To the first event of a streamed answer; an unstreamed one has total.", "2m",
             {1, kDay}, into<&Timeouts::ttft>),
    duration("idle", "Between two reads.", "60s", {1, kDay}, into<&Timeouts::idle>),
    duration("total", "For the whole attempt.", "20m", {1, kDay}, into<&Timeouts::total>),
};
constexpr Section kTimeouts{"How long one attempt at an upstream may take.", kTimeoutsKeys};

// Without caller_fault, content_policy and context_exceeded: the next endpoint would be no wiser.
constexpr std::string_view kFallBackWords[] = {
    "credential", "quota",        "model_gone",   "rate_limit", "overloaded", "server_error",
    "connect",    "timeout_ttft", "timeout_idle", "cut",        "malformed"};
constexpr Key kRouteKeys[] = {
    required({.name = "plan",
              .type = Type::references,
              .help = "Endpoints that are tried, before the first byte only.",
              .min = 1,
              .refers_to = "endpoints"}),
    word(
        "order",
        "Which is tried first: as listed; drawn by weight; the cheapest for the request's prompt "
        "and output limit; the fastest of late; the one with the fewest attempts running; the one "
        "that has most of the prompt at hand; auto: by cost, latency and quality, as balance says. "
        "Endpoints that are down come last, ties as listed.",
        "listed", Spelling<PlanOrder>::words, into<&Route::order>),
    {.name = "weights",
     .type = Type::shares,
     .help = "For order weighted: how often an endpoint of the plan comes first, beside the "
             "others; 1 for those left out.",
     .min = 1,
     .max = 1'000'000,
     .refers_to = "endpoints"},
    scalar(Type::boolean, "sticky",
           "For order weighted: prompts of one account that begin alike go to the same endpoint, "
           "so that what it has cached of them is used.",
           "false", into<&Route::sticky>),
    {.name = "balance",
     .type = Type::section,
     .help = "For order auto: how much cost, latency and quality count. Left out: each the same.",
     .section = &kBalanceSection,
     .enter = &Into<&Route::balance>::enter},
    {.name = "when",
     .type = Type::named,
     .help = "Conditions, by endpoint of the plan: requests for which they do not hold pass it "
             "over.",
     .min = 1,
     .section = &kConditionSection,
     .append = [](void*, const std::string&) -> void* { return nullptr; }},
    {.name = "canary",
     .type = Type::section,
     .help = "An endpoint on trial.",
     .section = &kCanarySection},
    {.name = "aliases", .type = Type::names, .help = "Other model names that take this route."},
    word("thinking",
         "What a request that says nothing of thinking asks for. Left out: the model's default. A "
         "model name that stands for another tier is a route of its own.",
         "", kAskWords, into<&Route::thinking>),
    {.name = "fall_back_on",
     .type = Type::words,
     .help = "Failures after which the next endpoint of the plan is tried.",
     .fallback = "[connect, timeout_ttft, rate_limit, overloaded, server_error, credential, quota, "
                 "model_gone]",
     .words = kFallBackWords},
    integer("n_retries_max",
            "How often a request is tried again where it failed last, at an upstream, when no "
            "other endpoint is to be tried: after connect, rate_limit, overloaded and "
            "server_error, with a short random pause or the one that was asked for. Never beyond "
            "the retry budget of the upstream: in 10 s a tenth of the requests that it got, or 3.",
            "0", {0, 2}, into<&Route::n_retries_max>),
    {.name = "rate_limits",
     .type = Type::section,
     .help = "On this route, besides limits.rate_limits.",
     .section = &kRateLimits,
     .enter = &Into<&Route::rate_limits>::enter},
    {.name = "timeouts",
     .type = Type::section,
     .help = "Time-outs of its attempts.",
     .fallback = "{}",
     .section = &kTimeouts,
     .enter = &Into<&Route::timeouts>::enter},
};
constexpr Section kRoute{"A model name that clients may ask for.", kRouteKeys};

constexpr Key kMetricsKeys[] = {
    scalar(Type::ip_address, "address", "IP address to listen on.", "127.0.0.1",
           into<&Metrics::address>),
    integer("port", "TCP port; 0 takes a free one.", "9464", {0, 65'535}, into<&Metrics::port>),
    {.name = "accounts",
     .type = Type::names,
     .help = "Paths of accounts that labels may name; the others are _other."},
};
constexpr Section kMetrics{"Where Prometheus scrapes /metrics. Left out: nowhere.", kMetricsKeys};

constexpr Key kLogKeys[] = {
    word("format", "One line a request, as text or as a JSON object.", "text",
         Spelling<Log::Format>::words, into<&Log::format>),
    word("level", "The least important line that is written.", "info", Spelling<Log::Level>::words,
         into<&Log::level>),
};
constexpr Section kLog{"What is logged, on standard error.", kLogKeys};

constexpr Key kRootKeys[] = {
    required(integer("version", "The version of this grammar.", "", {1, 1}, nullptr)),
    {.name = "listen",
     .type = Type::section,
     .help = "Where clients connect.",
     .fallback = "{}",
     .section = &kListen,
     .enter = &Into<&Config::listen>::enter},
    {.name = "tls",
     .type = Type::section,
     .help = "TLS on the API listener.",
     .section = &kTls,
     .enter = &Into<&Config::tls>::emplace},
    {.name = "metrics",
     .type = Type::section,
     .help = "The listener of /metrics.",
     .section = &kMetrics,
     .enter = &Into<&Config::metrics>::emplace},
    {.name = "log",
     .type = Type::section,
     .help = "What is logged.",
     .fallback = "{}",
     .section = &kLog,
     .enter = &Into<&Config::log>::enter},
    {.name = "limits",
     .type = Type::section,
     .help = "Limits of requests and answers.",
     .fallback = "{}",
     .section = &kLimits,
     .enter = &Into<&Config::limits>::enter},
    {.name = "ledger",
     .type = Type::section,
     .help = "Where money is kept.",
     .fallback = "{}",
     .section = &kLedger,
     .enter = &Into<&Config::ledger>::enter},
    {.name = "engines",
     .type = Type::named,
     .help = "Models in this process, by name.",
     .section = &kEngine,
     .append = &Into<&Config::engines>::append},
    {.name = "upstreams",
     .type = Type::named,
     .help = "Providers, by name.",
     .section = &kUpstream,
     .append = &Into<&Config::upstreams>::append},
    required({.name = "endpoints",
              .type = Type::named,
              .help = "Models at an upstream or in an engine, by name.",
              .min = 1,
              .section = &kEndpoint,
              .append = &Into<&Config::endpoints>::append}),
    required({.name = "routes",
              .type = Type::named,
              .help = "Models that clients may ask for, by name.",
              .min = 1,
              .section = &kRoute,
              .model_names = true,
              .append = &Into<&Config::routes>::append}),
    required({.name = "prices",
              .type = Type::named,
              .help = "Prices, by name.",
              .min = 1,
              .section = &kPriceSection,
              .append = &Into<&Config::prices>::append}),
};
constexpr Section kRoot{"Everything that weir.yaml may say.", kRootKeys};

}  // namespace

const Section& root_section() {
    return kRoot;
}

bool is_name(std::string_view text, bool model_name) {
    if (text.empty() || text.size() > kNameBytesMax) return false;
    const auto is_alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    if (!is_alphanumeric(text[0])) return false;
    for (const char c : text) {
        const std::string_view others = model_name ? "._-/:@+" : "._-";
        if (!is_alphanumeric(c) && others.find(c) == std::string_view::npos) return false;
    }
    return true;
}

}  // namespace config
