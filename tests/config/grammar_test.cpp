#include "config/grammar.h"

#include <catch2/catch.hpp>

#include "config/nearest.h"
#include "config/scalar.h"
#include "config/yaml_tree.h"
#include "tests/config/sample.h"

using namespace config;

namespace {

void walk(const Section& section, const std::string& path,
          const std::function<void(const Key&, const std::string&)>& visit) {
    for (const Key& key : section.keys) {
        const std::string below = path + "." + std::string(key.name);
        visit(key, below);
        if (key.section) walk(*key.section, below, visit);
    }
}

}  // namespace

TEST_CASE("grammar: every row is complete", "[config]") {
    int n_keys = 0;
    walk(root_section(), "", [&](const Key& key, const std::string& path) {
        CAPTURE(path);
        ++n_keys;
        CHECK(key.help.ends_with('.'));
        CHECK_FALSE((key.required && !key.fallback.empty()));
        const bool ranged = key.type == Type::integer || key.type == Type::duration ||
                            key.type == Type::bytes || key.type == Type::price ||
                            key.type == Type::factor || key.type == Type::rate;
        if (ranged) CHECK(key.min <= key.max);
        if (ranged) CHECK(key.max > 0);
        CHECK((key.type == Type::word || key.type == Type::words) == !key.words.empty());
        CHECK((key.type == Type::section || key.type == Type::named) == (key.section != nullptr));
        CHECK((key.type == Type::named) == (key.append != nullptr));
        CHECK((key.type == Type::reference || key.type == Type::references ||
               key.type == Type::shares) == !key.refers_to.empty());
    });
    CHECK(n_keys > 80);
}

TEST_CASE("grammar: the defaults of the table are those of the structs", "[config]") {
    const Config config = sample::load(R"(version: 1
metrics: {}
engines: {v4: {model: m}}
upstreams: {u: {kind: openai_compatible, base_url: "http://localhost:1/v1"}}
endpoints:
  e: {upstream: u, model: m, n_ctx: 100, output_tokens_max: 50, price: p}
  l: {engine: v4, price: p}
routes: {r: {plan: [e, l]}}
prices: {p: {effective_from: 2026-10-01T00:00:00Z, usd_per_million: {input: "1", output: "2"}}}
)");
    const Listen listen;
    CHECK(config.listen.address == listen.address);
    CHECK(config.listen.port == listen.port);
    CHECK(config.listen.n_io_threads == listen.n_io_threads);
    CHECK(config.listen.lame_duck == listen.lame_duck);
    CHECK(config.listen.drain_time == listen.drain_time);
    CHECK(config.listen.half_closed_clients == listen.half_closed_clients);
    const Limits limits;
    CHECK(config.limits.head_bytes_max == limits.head_bytes_max);
    CHECK(config.limits.n_head_fields_max == limits.n_head_fields_max);
    CHECK(config.limits.target_bytes_max == limits.target_bytes_max);
    CHECK(config.limits.body_bytes_max == limits.body_bytes_max);
    CHECK(config.limits.json_depth_max == limits.json_depth_max);
    CHECK(config.limits.n_json_members_max == limits.n_json_members_max);
    CHECK(config.limits.n_connections_max == limits.n_connections_max);
    CHECK(config.limits.n_requests_max == limits.n_requests_max);
    CHECK(config.limits.stream_buffer_bytes == limits.stream_buffer_bytes);
    CHECK(config.limits.sse_event_bytes_max == limits.sse_event_bytes_max);
    CHECK(config.limits.answer_bytes_max == limits.answer_bytes_max);
    CHECK(config.limits.head_timeout == limits.head_timeout);
    CHECK(config.limits.body_timeout == limits.body_timeout);
    CHECK(config.limits.idle_timeout == limits.idle_timeout);
    CHECK(config.limits.write_timeout == limits.write_timeout);
    CHECK(config.limits.request_timeout == limits.request_timeout);
    CHECK(config.limits.keepalive == limits.keepalive);
    CHECK(config.ledger.path == Ledger{}.path);
    CHECK(config.ledger.n_queued_max == Ledger{}.n_queued_max);
    CHECK(config.metrics->address == Metrics{}.address);
    CHECK(config.metrics->port == Metrics{}.port);
    CHECK(config.log.format == Log{}.format);
    CHECK(config.log.level == Log{}.level);
    const Engine engine;
    CHECK(config.engines.at(0).encoding == engine.encoding);
    CHECK(config.engines.at(0).roundings == engine.roundings);
    CHECK(config.engines.at(0).numerics == engine.numerics);
    CHECK(config.engines.at(0).kv == engine.kv);
    CHECK(config.engines.at(0).kv_bytes_max == engine.kv_bytes_max);
    CHECK(config.engines.at(0).prefix_cache_bytes_max == engine.prefix_cache_bytes_max);
    CHECK(config.engines.at(0).n_ctx == engine.n_ctx);
    CHECK(config.engines.at(0).n_sequences_max == engine.n_sequences_max);
    CHECK(config.engines.at(0).n_queued_max == engine.n_queued_max);
    CHECK(config.engines.at(0).answer_tokens_min == engine.answer_tokens_min);
    CHECK(config.engines.at(0).n_threads == engine.n_threads);
    CHECK(config.engines.at(0).n_prefill_tokens == engine.n_prefill_tokens);
    CHECK(config.upstreams.at(0).n_inflight_max == Upstream{}.n_inflight_max);
    const Timeouts timeouts;
    CHECK(config.routes.at(0).timeouts.connect == timeouts.connect);
    CHECK(config.routes.at(0).timeouts.ttft == timeouts.ttft);
    CHECK(config.routes.at(0).timeouts.idle == timeouts.idle);
    CHECK(config.routes.at(0).timeouts.total == timeouts.total);
}

TEST_CASE("looks_typed: what YAML takes for something else than text", "[config]") {
    for (const char* text :
         {"y", "No", "ON", "off", "true", "null", "~", "0", "010", "0x1F", "0o17", "-1", "+1.5",
          ".5", "1e3", "1_000", "10:30", "2026-10-01", ".inf"}) {
        CAPTURE(text);
        CHECK(looks_typed(text));
    }
    for (const char* text : {"v4", "gpt-5.5", "weir.db", "none", "engine/demo", "-", "e", "::1",
                             "4o-mini", "0xyz", "a:1"}) {
        CAPTURE(text);
        CHECK_FALSE(looks_typed(text));
    }
}

TEST_CASE("nearest: small typing errors only", "[config]") {
    const std::vector<std::string_view> known = {"price", "model", "n_ctx", "output_tokens_max"};
    CHECK(nearest("prize", known) == "price");
    CHECK(nearest("pirce", known) == "price");
    CHECK(nearest("modl", known) == "model");
    CHECK(nearest("output_token_max", known) == "output_tokens_max");
    CHECK_FALSE(nearest("colour", known).has_value());
    CHECK_FALSE(nearest("", known).has_value());
    CHECK_FALSE(nearest(std::string(10'000, 'x'), known).has_value());
}

TEST_CASE("words of the config read back", "[config]") {
    for (size_t i = 0; i < kEffortCount; ++i) {
        CHECK(parse_effort(to_string(static_cast<Effort>(i))) == static_cast<Effort>(i));
    }
    for (size_t i = 0; i < kFailureClassCount; ++i) {
        const auto failure = static_cast<FailureClass>(i);
        CHECK(parse_failure_class(to_string(failure)) == failure);
    }
    CHECK(parse_effort("ultra") == Effort::max);
    for (const char* word : {"", "High", "hihg", "off", "ultra "}) {
        CHECK_FALSE(parse_effort(word).has_value());
    }
    CHECK(to_string(UpstreamKind::openai_compatible) == "openai_compatible");
    CHECK(to_string(UpstreamKind::anthropic) == "anthropic");
}
