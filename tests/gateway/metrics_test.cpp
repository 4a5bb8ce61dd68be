#include "gateway/telemetry/metrics.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace gateway;

namespace {

config::Config two_endpoints() {
    config::Config config;
    config.digest = "00112233";
    config.prices.push_back({"house", {}});
    config.endpoints.resize(2);
    config.endpoints[0].name = "local-v4";
    config.endpoints[1].name = "gpt55";
    config.routes.resize(1);
    config.routes[0].name = "gpt-5.5";
    config.routes[0].plan = {1, 0};
    return config;
}

bool has(const std::string& text, const std::string& line) {
    return text.find(line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: thresholds of budgets name the accounts that the config lists", "[metrics]") {
    const auto metrics = Metrics::create();
    config::Config config = two_endpoints();
    config.metrics.emplace().accounts = {"org/team"};
    metrics->config_loaded(config);
    billing::BudgetNote note;
    note.budget.period = billing::BudgetPeriod::month;
    for (const char* account : {"org/team", "org/team", "org/secret"}) {
        note.budget.subject = account;
        metrics->budget_alert(note);
    }
    note.budget.scope = billing::BudgetScope::key;
    note.budget.subject = "7";
    metrics->budget_alert(note);
    std::string text = metrics->text({});
    const std::string family = "weir_budget_alerts_total";
    CHECK(has(text, family + R"({account="org/team",of="account",period="month"} 2)"));
    CHECK(has(text, family + R"({account="_other",of="account",period="month"} 1)"));
    CHECK(has(text, family + R"({account="_other",of="key",period="month"} 1)"));
    CHECK(text.find("secret") == std::string::npos);
    config.metrics->accounts.clear();  // a reload
    metrics->config_loaded(config);
    note.budget = {};
    note.budget.subject = "org/team";
    metrics->budget_alert(note);
    text = metrics->text({});
    CHECK(has(text, family + R"({account="_other",of="account",period="day"} 1)"));
}

TEST_CASE("metrics: a request is counted under its config labels", "[metrics]") {
    const auto metrics = Metrics::create();
    const config::Config config = two_endpoints();
    const auto children = metrics->children(config);
    RequestRecord record;
    record.route = 0;
    record.endpoint = 1;
    record.outcome = billing::Outcome::length;
    record.tokens = {3, 2, 0, 7, 5};
    record.source = billing::CountSource::upstream;
    record.usd = {1'500'000'000};
    record.stream = true;
    record.ttft = std::chrono::milliseconds(3);
    record.settle = std::chrono::milliseconds(1);
    record.total = std::chrono::milliseconds(26);  // 2 ms between two of 12 tokens
    children->record(record);
    children->attempt(1, config::FailureClass::rate_limit);
    children->attempt(0, {});
    RequestRecord unknown;
    unknown.outcome = billing::Outcome::caller_error;
    children->record(unknown);

    const std::string text = metrics->text({});
    CHECK(has(text, R"(weir_requests_total{dialect="chat",outcome="length",route="gpt-5.5"} 1)"));
    CHECK(has(text,
              R"(weir_requests_total{dialect="chat",outcome="caller_error",route="_unknown"} 1)"));
    CHECK(
        has(text,
            R"(weir_tokens_total{endpoint="gpt55",kind="output_reasoning",source="upstream"} 5)"));
    CHECK(has(text,
              R"(weir_tokens_total{endpoint="gpt55",kind="input_uncached",source="upstream"} 3)"));
    CHECK(has(text, R"(weir_cost_usd_total{endpoint="gpt55",price="house"} 1.5)"));
    CHECK(has(text, R"(weir_attempts_total{class="rate_limit",endpoint="gpt55"} 1)"));
    CHECK(has(text, R"(weir_attempts_total{class="ok",endpoint="local-v4"} 1)"));
    CHECK(has(text, R"(weir_ttft_seconds_count{endpoint="gpt55",route="gpt-5.5"} 1)"));
    CHECK(has(text, R"(weir_inter_token_seconds_count{endpoint="gpt55",route="gpt-5.5"} 11)"));
    CHECK(
        has(text,
            R"(weir_inter_token_seconds_bucket{endpoint="gpt55",route="gpt-5.5",le="0.0025"} 11)"));
}

TEST_CASE("metrics: a reload moves the hash and keeps the counts", "[metrics]") {
    const auto metrics = Metrics::create();
    config::Config config = two_endpoints();
    metrics->config_loaded(config);
    RequestRecord record;
    record.route = 0;
    record.outcome = billing::Outcome::ok;
    metrics->children(config)->record(record);
    config.digest = "44556677";
    metrics->config_loaded(config);
    metrics->children(config)->record(record);
    const std::string text = metrics->text({});
    CHECK(text.find("00112233") == std::string::npos);
    CHECK(has(text, R"(weir_config_info{hash="44556677"} 1)"));
    CHECK(has(text, R"(weir_requests_total{dialect="chat",outcome="ok",route="gpt-5.5"} 2)"));
    metrics->config_refused();
    CHECK(has(metrics->text({}), "weir_config_last_reload_success 0"));
}

TEST_CASE("metrics: the process says what it uses", "[metrics]") {
    const std::string text = Metrics::create()->text({});
    for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                             "process_open_fds", "process_max_fds", "process_start_time_seconds"}) {
        const size_t at = text.find(std::string("\n") + name + " ");
        REQUIRE(at != std::string::npos);
        CHECK(std::stod(text.substr(at + 2 + std::string(name).size())) >= 0);
    }
}

TEST_CASE("metrics: recording from many threads loses nothing", "[metrics][threads]") {
    const auto metrics = Metrics::create();
    const config::Config config = two_endpoints();
    const auto children = metrics->children(config);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            RequestRecord record;
            record.route = 0;
            record.outcome = billing::Outcome::ok;
            for (int i = 0; i < 1'000; ++i) children->record(record);
        });
    }
    for (int i = 0; i < 20; ++i) metrics->text({});
    for (std::thread& thread : threads) thread.join();
    CHECK(has(metrics->text({}),
              R"(weir_requests_total{dialect="chat",outcome="ok",route="gpt-5.5"} 4000)"));
}

TEST_CASE("metrics: canaries and retries count where there are any", "[metrics]") {
    const auto metrics = Metrics::create();
    config::Config config = two_endpoints();
    config.endpoints[1].upstream = 0;
    config.routes[0].plan = {0};
    config.routes[0].canary = config::Canary{1, 1'000'000, config::Canary::By::user};
    config.routes.emplace_back().name = "plain";
    config.routes[1].plan = {0};
    const auto children = metrics->children(config);
    children->canary(0, true);
    children->canary(0, false);
    children->canary(0, false);
    children->retry(1, true);
    const std::string text = metrics->text({});
    CHECK(has(text, R"(weir_canary_requests_total{route="gpt-5.5",side="canary"} 1)"));
    CHECK(has(text, R"(weir_canary_requests_total{route="gpt-5.5",side="plan"} 2)"));
    CHECK(text.find(R"(weir_canary_requests_total{route="plain")") == std::string::npos);
    CHECK(has(text, R"(weir_retries_total{endpoint="gpt55",made="yes"} 1)"));
    CHECK(has(text, R"(weir_retries_total{endpoint="gpt55",made="no"} 0)"));
    CHECK(text.find(R"(weir_retries_total{endpoint="local-v4")") == std::string::npos);
    // What the canary answers has its times too.
    RequestRecord record;
    record.route = 0;
    record.endpoint = 1;
    record.ttft = std::chrono::milliseconds(1);
    children->record(record);
    CHECK(
        metrics->text({}).find(R"(weir_ttft_seconds_count{endpoint="gpt55",route="gpt-5.5"} 1)") !=
        std::string::npos);
}
