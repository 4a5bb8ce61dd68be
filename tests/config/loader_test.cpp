#include "config/loader.h"

#include <catch2/catch.hpp>

#include "tests/config/sample.h"

using namespace config;
using namespace std::chrono_literals;

namespace {

const Rates& rates(const Price& price) {
    return price.versions.at(0).tariffs.at(0).at(0)->rates;
}

}  // namespace

TEST_CASE("load: the smallest file gives exactly what it says", "[config]") {
    const Config config = sample::load(sample::kSmallest);
    CHECK(config.listen.address == "127.0.0.1");
    CHECK(config.listen.port == 8080);
    REQUIRE(config.metrics.has_value());
    CHECK(config.metrics->port == 9464);
    CHECK(config.ledger.path == "weir.db");
    CHECK_FALSE(config.tls.has_value());

    REQUIRE(config.engines.size() == 1);
    CHECK(config.engines[0].name == "v4");
    CHECK(config.engines[0].model == "engine/demo/model");
    CHECK(config.engines[0].encoding == Encoding::v0731);
    CHECK(config.engines[0].n_ctx == 8192);
    CHECK(config.engines[0].n_sequences_max == 8);
    CHECK_FALSE(config.engines[0].default_effort.has_value());

    REQUIRE(config.upstreams.size() == 1);
    CHECK(config.upstreams[0].name == "openai");
    CHECK(config.upstreams[0].kind == UpstreamKind::openai);
    CHECK(config.upstreams[0].base_url == "https://api.openai.com/v1");
    CHECK(config.upstreams[0].api_key.reveal() == sample::kVariable);

    REQUIRE(config.endpoints.size() == 2);
    const Endpoint& local = config.endpoints[0];
    CHECK(local.name == "local-v4");
    CHECK(local.engine == 0u);
    CHECK_FALSE(local.upstream.has_value());
    CHECK(local.model == "local-v4");
    CHECK(local.n_ctx == 8192);
    CHECK(local.output_tokens_max == 8192);
    CHECK(local.output_tokens_default == 1024);
    CHECK(config.prices[local.price].name == "house");
    const Endpoint& remote = config.endpoints[1];
    CHECK(remote.upstream == 0u);
    CHECK_FALSE(remote.engine.has_value());
    CHECK(remote.model == "gpt-5.5");
    CHECK(remote.n_ctx == 1'050'000);
    CHECK(remote.output_tokens_max == 128'000);
    CHECK(remote.output_tokens_default == 8192);
    CHECK(config.prices[remote.price].name == "gpt55");

    REQUIRE(config.routes.size() == 2);
    CHECK(config.routes[0].name == "deepseek-v4");
    CHECK(config.routes[0].plan == std::vector<size_t>{0});
    CHECK(config.routes[1].plan == std::vector<size_t>{1, 0});
    CHECK(config.routes[1].timeouts.ttft == Timeouts{}.ttft);
    CHECK(config.route_by_model ==
          std::map<std::string, size_t, std::less<>>{{"deepseek-v4", 0}, {"gpt-5.5", 1}});

    REQUIRE(config.prices.size() == 2);
    CHECK(config.prices[0].versions.at(0).effective_from.ms == 1'790'812'800'000);
    CHECK(rates(config.prices[0]) == Rates{200'000, 20'000, 200'000, 400'000, 400'000});
    CHECK(rates(config.prices[1]).output == 30'000'000);
    CHECK(config.digest.size() == 16);
    CHECK(config.digest != sample::load(sample::changed("8080", "8081")).digest);
}

TEST_CASE("load: fall_back_on is what is written, else the safe classes", "[config]") {
    const Config config = sample::load(sample::kSmallest);
    const auto classes = [](const Route& route) {
        std::vector<std::string> words;
        for (size_t i = 0; i < kFailureClassCount; ++i) {
            if (!route.fall_back_on[i]) continue;
            words.emplace_back(to_string(static_cast<FailureClass>(i)));
        }
        return words;
    };
    CHECK(classes(config.routes[1]) ==
          std::vector<std::string>{"rate_limit", "server_error", "connect", "timeout_ttft"});
    CHECK(classes(config.routes[0]) ==
          std::vector<std::string>{"credential", "quota", "model_gone", "rate_limit", "overloaded",
                                   "server_error", "connect", "timeout_ttft"});
    const Config never = sample::load(sample::changed(
        "fall_back_on: [connect, timeout_ttft, rate_limit, server_error]", "fall_back_on: []"));
    CHECK(classes(never.routes[1]).empty());
}

TEST_CASE("load: deploy/weir.yaml loads, as it stands and with its remote parts", "[config]") {
    const std::string text = sample::read("deploy/weir.yaml");
    CHECK(text.starts_with("# yaml-language-server: $schema=weir.schema.json\n"));
    const Config config = sample::load(text);
    CHECK(config.upstreams.empty());
    CHECK(config.engines.at(0).model == "engine/demo/model");
    CHECK(config.listen.port == 8080);
    CHECK(config.metrics->port == 9464);
    CHECK(config.route_by_model.at("v4") == config.route_by_model.at("deepseek-v4"));

    // Take the mark off every line that follows a "# remote" line.
    std::string whole;
    bool remote = false;
    for (size_t start = 0; start < text.size();) {
        const size_t end = text.find('\n', start);
        std::string line = text.substr(start, end - start);
        start = end + 1;
        if (line.starts_with("# remote")) {
            remote = true;
        } else if (!line.starts_with("# ") && !line.starts_with("#  ")) {
            remote = false;
        } else if (remote) {
            line.erase(0, 2);
        }
        whole += line + "\n";
    }
    const Config both = sample::load(whole);
    REQUIRE(both.upstreams.size() == 1);
    CHECK(both.upstreams[0].api_key.reveal() == sample::kVariable);
    CHECK(both.routes.at(1).plan.size() == 2);
    CHECK(both.routes.at(1).timeouts.ttft == 30s);
    CHECK(both.endpoints.at(1).thinking.efforts.at(static_cast<size_t>(Effort::max)).action ==
          ThinkingRule::Action::refuse);
}

TEST_CASE("load: every key can be written and lands where it belongs", "[config]") {
    const std::string text = std::string(R"(version: 1
listen: {address: "::", port: 0, n_io_threads: 2, lame_duck: 5s, drain_time: 1m, half_closed_clients: true}
tls: {certificate: cert.pem, private_key: key.pem}
metrics: {accounts: [acme, acme/research]}
log: {format: json, level: warning}
limits: {head_bytes_max: 16KiB, n_head_fields_max: 50, target_bytes_max: 4KiB, body_bytes_max: 1MiB,
  json_depth_max: 32, n_json_members_max: 500, n_connections_max: 7, n_requests_max: 6,
  stream_buffer_bytes: 8KiB, sse_event_bytes_max: 2MiB, answer_bytes_max: 3MiB, head_timeout: 1s,
  body_timeout: 2s, idle_timeout: 3s, write_timeout: 4s, request_timeout: 5s, keepalive: 6s}
ledger: {path: /var/lib/weir/weir.db, n_queued_max: 10}
engines:
  v4: {model: m, encoding: preview, roundings: official, numerics: fast, kv: official, n_ctx: 400000, n_sequences_max: 2, kv_bytes_max: 3GiB, prefix_cache_bytes_max: 0B, n_queued_max: 3, n_threads: 4, n_prefill_tokens: 5, default_effort: max, answer_tokens_min: 99}
upstreams:
  deepseek: {kind: deepseek, base_url: "https://api.deepseek.com/", api_key: "${file:/run/secrets/openai}", n_inflight_max: 9}
  vllm: {kind: openai_compatible, base_url: "http://127.0.0.1:8000/v1"}
endpoints:
  local: {engine: v4, output_tokens_max: 100, price: p}
  ds: {upstream: deepseek, model: deepseek-v4, n_ctx: 1000, output_tokens_max: 500, price: p, thinking: {none: refuse, xhigh: max, on: omit, absent: low}}
  vllm: {upstream: vllm, model: m, n_ctx: 1000, output_tokens_max: 1000, output_tokens_default: 7, price: p, thinking: {like: claude-4.5, none: omit, on: "on", spelling: reasoning, budget: sent, budget_tokens_min: 9, replay: required, ignored_params: [top_p, "n"], fixed_sampling: [top_k], rejected_params: []}}
routes:
  org/model:v1@x: {plan: [ds, vllm, local], aliases: [a, b+c], thinking: low, timeouts: {connect: 1s, ttft: 2s, idle: 3s, total: 4s}}
prices:
  p: {effective_from: "2026-10-01T00:00:00+02:00", usd_per_million: {input: "1", cache_read: "0", cache_write: "1.25", output: "2", reasoning: "3"}}
)");
    const Config config = sample::load(text);
    CHECK(config.listen.address == "::");
    CHECK(config.listen.port == 0);
    CHECK(config.listen.n_io_threads == 2);
    CHECK(config.listen.lame_duck == 5s);
    CHECK(config.listen.drain_time == 60s);
    CHECK(config.listen.half_closed_clients);
    CHECK(config.tls->certificate == "cert.pem");
    CHECK(config.tls->private_key == "key.pem");
    CHECK(config.metrics->address == "127.0.0.1");
    CHECK(config.metrics->accounts == std::vector<std::string>{"acme", "acme/research"});
    CHECK(config.log.format == Log::Format::json);
    CHECK(config.log.level == Log::Level::warning);
    const Limits& limits = config.limits;
    CHECK(limits.head_bytes_max == 16 << 10);
    CHECK(limits.n_head_fields_max == 50);
    CHECK(limits.target_bytes_max == 4 << 10);
    CHECK(limits.body_bytes_max == 1 << 20);
    CHECK(limits.json_depth_max == 32);
    CHECK(limits.n_json_members_max == 500);
    CHECK(limits.n_connections_max == 7);
    CHECK(limits.n_requests_max == 6);
    CHECK(limits.stream_buffer_bytes == 8 << 10);
    CHECK(limits.sse_event_bytes_max == 2 << 20);
    CHECK(limits.answer_bytes_max == 3 << 20);
    CHECK(limits.head_timeout == 1s);
    CHECK(limits.body_timeout == 2s);
    CHECK(limits.idle_timeout == 3s);
    CHECK(limits.write_timeout == 4s);
    CHECK(limits.request_timeout == 5s);
    CHECK(limits.keepalive == 6s);
    CHECK(config.ledger.path == "/var/lib/weir/weir.db");
    CHECK(config.ledger.n_queued_max == 10);
    const Engine& engine = config.engines.at(0);
    CHECK(engine.encoding == Encoding::preview);
    CHECK(engine.roundings == Roundings::official);
    CHECK(engine.numerics == Numerics::fast);
    CHECK(engine.kv == Kv::official);
    CHECK(engine.kv_bytes_max == int64_t{3} << 30);
    CHECK(engine.prefix_cache_bytes_max == 0);
    CHECK(engine.n_ctx == 400'000);
    CHECK(engine.n_sequences_max == 2);
    CHECK(engine.n_queued_max == 3);
    CHECK(engine.n_threads == 4);
    CHECK(engine.n_prefill_tokens == 5);
    CHECK(engine.default_effort == Effort::max);
    CHECK(engine.answer_tokens_min == 99);
    CHECK(config.upstreams.at(0).base_url == "https://api.deepseek.com");
    CHECK(config.upstreams.at(0).api_key.reveal() == sample::kFile);
    CHECK(config.upstreams.at(0).n_inflight_max == 9);
    CHECK(config.upstreams.at(1).api_key.empty());
    CHECK(config.endpoints.at(0).output_tokens_max == 100);
    CHECK(config.endpoints.at(0).output_tokens_default == 100);
    CHECK(config.endpoints.at(0).thinking.absent.tier == Effort::max);
    const ThinkingTable& thinking = config.endpoints.at(1).thinking;
    CHECK(thinking.efforts[0].action == ThinkingRule::Action::refuse);
    CHECK(thinking.efforts[static_cast<size_t>(Effort::xhigh)].tier == Effort::max);
    CHECK(thinking.on.action == ThinkingRule::Action::omit);
    CHECK(thinking.on.tier == Effort::high);
    CHECK(thinking.absent.action == ThinkingRule::Action::tier);
    CHECK(thinking.absent.tier == Effort::low);
    CHECK(config.routes.at(0).thinking == "low");
    const ThinkingTable& other = config.endpoints.at(2).thinking;
    CHECK(other.efforts[static_cast<size_t>(Effort::max)].tier == Effort::high);
    CHECK(other.efforts[0].action == ThinkingRule::Action::omit);
    CHECK(other.on.action == ThinkingRule::Action::on);
    CHECK(other.spelling == ThinkingSpelling::reasoning);
    CHECK(other.budget == BudgetRule::sent);
    CHECK(other.n_budget_min == 9);
    CHECK(other.replay == ReplayRule::required);
    CHECK(other.ignored.has(Param::top_p));
    CHECK_FALSE(other.ignored.has(Param::temperature));
    CHECK(other.fixed.has(Param::top_k));
    CHECK_FALSE(other.rejected.any());
    CHECK(config.endpoints.at(1).output_tokens_default == 500);
    CHECK(config.endpoints.at(2).output_tokens_default == 7);
    const Route& route = config.routes.at(0);
    CHECK(route.plan == std::vector<size_t>{1, 2, 0});
    CHECK(route.aliases == std::vector<std::string>{"a", "b+c"});
    CHECK(route.timeouts.connect == 1s);
    CHECK(route.timeouts.ttft == 2s);
    CHECK(route.timeouts.idle == 3s);
    CHECK(route.timeouts.total == 4s);
    const Price& price = config.prices.at(0);
    CHECK(price.versions.at(0).effective_from.ms == 1'790'805'600'000);
    CHECK(rates(price) == Rates{1'000'000, 0, 1'250'000, 2'000'000, 3'000'000});
}

TEST_CASE("load: what may be left out has its default", "[config]") {
    const Config config = sample::load(R"(version: 1
upstreams: {u: {kind: openai_compatible, base_url: "http://localhost:1/v1"}}
endpoints: {e: {upstream: u, model: m, n_ctx: 100000, output_tokens_max: 50000, price: p}}
routes: {r: {plan: [e]}}
prices: {p: {effective_from: 2026-10-01T00:00:00Z, usd_per_million: {input: "1", output: "2"}}}
)");
    CHECK(config.listen.port == 8080);
    CHECK_FALSE(config.metrics.has_value());
    CHECK(config.engines.empty());
    CHECK(config.ledger.path == "weir.db");
    CHECK(config.log.level == Log::Level::info);
    CHECK(config.endpoints.at(0).output_tokens_default == 4096);
    CHECK(rates(config.prices.at(0)).cache_read == 1'000'000);
    CHECK(rates(config.prices.at(0)).reasoning == 2'000'000);
}

TEST_CASE("load: an expanded value is a value like any other, and never structure", "[config]") {
    CHECK(sample::load(sample::changed("port: 8080", "port: \"${env:PORT}\"")).listen.port == 8081);
    const std::string said =
        sample::refusals(sample::changed("path: weir.db", "path: \"${env:LINES}\""));
    CHECK_THAT(said, Catch::Contains("4:17: ledger.path: ") && Catch::Contains("one line"));
    CHECK_THAT(said, !Catch::Contains("b: c"));
    CHECK_THAT(sample::refusals(sample::changed("${env:OPENAI_API_KEY}", "${env:EMPTY}")),
               Catch::Contains("EMPTY is unset or empty"));
    CHECK_THAT(sample::refusals(sample::changed("path: weir.db", "path: \"${env:A B}\"")),
               Catch::Contains("${env:NAME}"));
}

TEST_CASE("load: a secret shows in no refusal, whatever else is wrong", "[config]") {
    for (const char* key :
         {"address: ", "port: ", "model: ", "encoding: ", "n_ctx: ", "kind: ", "base_url: ",
          "engine: ", "price: ", "plan: [", "effective_from: ", "input: ", "fall_back_on: ["}) {
        CAPTURE(key);
        const std::string said = sample::refusals(
            sample::changed(key, std::string(key) + "\"${env:OPENAI_API_KEY}\", x: "));
        CHECK_FALSE(said.empty());
        CHECK_THAT(said, !Catch::Contains("canary"));
    }
}

TEST_CASE("load: refusals stand in file order", "[config]") {
    const auto config =
        parse(sample::read("tests/config/broken/several_at_once.yaml"), "x", sample::environment());
    REQUIRE_FALSE(config.has_value());
    REQUIRE(config.error().size() == 3);
    CHECK(config.error()[0].line < config.error()[1].line);
    CHECK(config.error()[1].line < config.error()[2].line);
}

TEST_CASE("load: a hostile file is told a hundred refusals, and that there may be more",
          "[config]") {
    std::string keys = "version: 1\nlisten:\n";
    for (int i = 0; i < 40'000; ++i) keys += "  k" + std::to_string(i) + ": 1\n";
    const auto config = parse(keys, "x", sample::environment());
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().size() == 101);
    CHECK(to_string(config.error().back()) == "x: 100 refusals; correct these to see more");
    CHECK(config.error().front().line > 0);
}

TEST_CASE("load: many names that lead nowhere end soon", "[config]") {
    std::string names = "version: 1\nprices: {}\nendpoints:\n";
    for (int i = 0; i < 1'000; ++i)
        names += "  e" + std::to_string(i) + ": {engine: v, price: p}\n";
    names += "routes:\n";
    for (int i = 0; i < 1'000; ++i) names += "  r" + std::to_string(i) + ": {plan: [zzz]}\n";
    const auto config = parse(names, "x", sample::environment());
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().size() == 101);
    names += "  r: 1\n";
    CHECK_FALSE(parse(names, "x", sample::environment()).has_value());
}

TEST_CASE("load: a file that is none is refused by name", "[config]") {
    const auto missing = load("no/such/weir.yaml", sample::environment());
    REQUIRE_FALSE(missing.has_value());
    CHECK(to_string(missing.error().at(0)) ==
          "no/such/weir.yaml: does not exist; -c FILE names another");
    const auto folder = load(WEIR_SOURCE_DIR, sample::environment());
    REQUIRE_FALSE(folder.has_value());
    CHECK_THAT(to_string(folder.error().at(0)), Catch::Contains("is a folder"));
}

TEST_CASE("load: conditions, canary, balance, quality and capabilities", "[config]") {
    std::string text = sample::changed(
        "gpt-5.5: {plan: [gpt55, local-v4], fall_back_on: [connect, timeout_ttft, rate_limit, "
        "server_error]}",
        R"(gpt-5.5:
    plan: [gpt55, local-v4]
    order: auto
    balance: {cost: 2, latency: 0}
    n_retries_max: 1
    when:
      local-v4:
        labels: {team: [batch, web]}
        headers: {X-Beta: "*", x-site: "true"}
        prompt_tokens_max: 4000
        hours: ["22:00-24:00", "00:00-06:00"]
        time_zone: Europe/Berlin
    canary: {endpoint: trial, percent: "0.5", by: request})");
    text.replace(text.find("routes:"), 0,
                 "  trial: {upstream: openai, model: gpt-6, n_ctx: 1000, output_tokens_max: 100, "
                 "price: gpt55, capabilities: [tools]}\n");
    for (const char* const endpoint : {"{engine: v4", "{upstream: openai, model: gpt-5.5"}) {
        const std::string before = endpoint;
        text.replace(text.find(before), before.size(), before + ", quality: 50");
    }
    const Config config = sample::load(text);
    const Route& route = config.routes[1];
    CHECK(route.order == PlanOrder::automatic);
    CHECK(to_string(route.order) == "auto");
    CHECK(route.balance.cost == 2);
    CHECK(route.balance.latency == 0);
    CHECK(route.balance.quality == 1);
    CHECK(route.n_retries_max == 1);
    REQUIRE(route.conditions.size() == 2);
    CHECK(route.conditions[0].labels.empty());
    CHECK_FALSE(route.conditions[0].hours);
    const Condition& condition = route.conditions[1];
    REQUIRE(condition.labels.size() == 1);
    CHECK(condition.labels[0].name == "team");
    CHECK(condition.labels[0].values == std::vector<std::string>{"batch", "web"});
    REQUIRE(condition.headers.size() == 2);
    CHECK(condition.headers[0].name == "x-beta");
    CHECK(condition.headers[0].values.empty());
    CHECK(condition.headers[1].values == std::vector<std::string>{"true"});
    CHECK(condition.prompt_tokens_min == 0);
    CHECK(condition.prompt_tokens_max == 4'000);
    REQUIRE(condition.hours);
    CHECK(condition.hours->covers(*parse_rfc3339("2026-12-01T02:30:00Z")));
    CHECK_FALSE(condition.hours->covers(*parse_rfc3339("2026-12-01T05:00:00Z")));
    REQUIRE(route.canary);
    CHECK(config.endpoints[route.canary->endpoint].name == "trial");
    CHECK(route.canary->share_percent == 500'000);
    CHECK(route.canary->by == Canary::By::request);
    CHECK(config.endpoints[route.canary->endpoint].capabilities == std::array{true, false, false});
    CHECK(config.endpoints[1].capabilities == std::array{true, true, true});
    CHECK(config.endpoints[1].quality == 50);
    CHECK(config.routes[0].conditions.empty());
    CHECK_FALSE(config.routes[0].canary);
}

TEST_CASE("load: a condition of days alone holds all day", "[config]") {
    const Config config =
        sample::load(sample::changed("gpt-5.5: {plan: [gpt55, local-v4]",
                                     "gpt-5.5: {when: {local-v4: {days: [sunday]}}, plan: "
                                     "[gpt55, local-v4]"));
    const OpenHours& hours = config.routes[1].conditions.at(1).hours.value();
    CHECK(hours.covers(*parse_rfc3339("2026-11-29T00:00:00Z")));
    CHECK(hours.covers(*parse_rfc3339("2026-11-29T23:59:59Z")));
    CHECK_FALSE(hours.covers(*parse_rfc3339("2026-11-30T00:00:00Z")));
}
