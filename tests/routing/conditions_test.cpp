#include "routing/conditions.h"

#include <catch2/catch.hpp>
#include <random>

#include "config/thinking_defaults.h"

using namespace routing;
using config::Condition;
using config::NamedMatch;
using Fields = std::vector<std::pair<std::string, std::string>>;

namespace {

std::string why(const Condition& condition, const RequestFacts& facts) {
    const auto unmet = first_unmet(condition, facts);
    return unmet ? to_string(*unmet) : "";
}

Condition labelled(std::vector<NamedMatch> labels) {
    Condition condition;
    condition.labels = std::move(labels);
    return condition;
}

config::OpenHours hours(const std::string& zone, int begin, int end) {
    config::OpenHours open;
    open.time_zone = config::TimeZone::find(zone).value();
    open.window.days.fill(true);
    open.window.hours = {{begin * 60, end * 60}};
    return open;
}

config::UnixMillis at(const char* time) {
    return config::parse_rfc3339(time).value();
}

// Route "m": three endpoints of one upstream, which differ in nothing.
config::Config sample() {
    config::Config config;
    config.upstreams.emplace_back().name = "up";
    for (const char* name : {"a", "b", "c"}) {
        config::Endpoint& endpoint = config.endpoints.emplace_back();
        endpoint.name = name;
        endpoint.upstream = 0;
        endpoint.n_ctx = 1'000;
        endpoint.output_tokens_max = endpoint.output_tokens_default = 100;
        endpoint.thinking = config::shipped_thinking("gpt-5.5")->table;
    }
    config::Route& route = config.routes.emplace_back();
    route.name = "m";
    route.plan = {0, 1};
    route.conditions.resize(2);
    config.route_by_model = {{"m", 0}};
    return config;
}

RequestFacts facts() {
    RequestFacts facts;
    facts.model = "m";
    facts.n_prompt_tokens = 100;
    return facts;
}

std::vector<EndpointId> endpoints(const Plan& plan) {
    std::vector<EndpointId> ids;
    for (const PlannedAttempt& attempt : plan.attempts) ids.push_back(attempt.endpoint);
    return ids;
}

}  // namespace

TEST_CASE("condition: without parts it holds for all", "[routing]") {
    CHECK(why({}, {}).empty());
}

TEST_CASE("condition: labels of the key, by name and value as a whole", "[routing]") {
    const std::vector<std::string> labels{"team=batch", "thinking=strict"};
    RequestFacts facts;
    facts.labels = labels;
    CHECK(why(labelled({{"team", {"batch"}}}), facts).empty());
    CHECK(why(labelled({{"team", {"web", "batch"}}}), facts).empty());
    CHECK(why(labelled({{"team", {}}}), facts).empty());
    CHECK(why(labelled({{"team", {"batc"}}}), facts) == "label:team");
    CHECK(why(labelled({{"team", {"batch2"}}}), facts) == "label:team");
    CHECK(why(labelled({{"tea", {}}}), facts) == "label:tea");
    CHECK(why(labelled({{"team=batch", {}}}), facts) == "label:team=batch");
    CHECK(why(labelled({{"team", {"batch"}}, {"site", {}}}), facts) == "label:site");
    CHECK(why(labelled({{"team", {}}}), {}) == "label:team");
}

TEST_CASE("condition: a header with one of the values, of several fields any", "[routing]") {
    const Fields fields{{"x-team", "a"}, {"x-team", "b"}, {"x-empty", ""}};
    RequestFacts facts;
    facts.headers = fields;
    Condition condition;
    const auto with = [&](NamedMatch match) {
        condition.headers = {std::move(match)};
        return why(condition, facts);
    };
    CHECK(with({"x-team", {"b"}}).empty());
    CHECK(with({"x-team", {"c", "a"}}).empty());
    CHECK(with({"x-team", {"A"}}) == "header:x-team");
    CHECK(with({"x-empty", {}}).empty());
    CHECK(with({"x-none", {}}) == "header:x-none");
}

TEST_CASE("condition: prompt length, both ends included", "[routing]") {
    Condition condition;
    condition.prompt_tokens_min = 10;
    condition.prompt_tokens_max = 20;
    for (const int64_t n : {9, 10, 20, 21}) {
        RequestFacts facts;
        facts.n_prompt_tokens = n;
        CHECK(why(condition, facts).empty() == (n == 10 || n == 20));
    }
}

TEST_CASE("condition: hours by the clock of their zone, over the change of the clock too",
          "[routing]") {
    Condition condition;
    condition.hours = hours("Europe/Berlin", 22, 24);
    const auto holds = [&](const char* time) {
        RequestFacts facts;
        facts.now = at(time);
        return why(condition, facts).empty();
    };
    CHECK_FALSE(holds("2026-07-01T19:59:59Z"));
    CHECK(holds("2026-07-01T20:00:00Z"));  // summer: two hours ahead
    CHECK(holds("2026-07-01T21:59:59Z"));
    CHECK_FALSE(holds("2026-07-01T22:00:00Z"));
    CHECK_FALSE(holds("2026-12-01T20:59:59Z"));  // winter: one
    CHECK(holds("2026-12-01T21:00:00Z"));
    condition.hours->window.days.fill(false);
    condition.hours->window.days[2] = true;  // Wednesdays
    CHECK(holds("2026-07-01T20:00:00Z"));
    CHECK_FALSE(holds("2026-07-02T20:00:00Z"));
}

TEST_CASE("plan: a step whose condition does not hold is passed over, and that is told",
          "[routing]") {
    config::Config config = sample();
    config.routes[0].conditions[0].prompt_tokens_max = 50;
    auto plan = plan_route(facts(), config);
    REQUIRE(plan);
    CHECK(endpoints(*plan) == std::vector<EndpointId>{1});
    REQUIRE(plan->passed.size() == 1);
    CHECK(plan->passed[0].endpoint == 0);
    CHECK(plan->passed[0].why == "prompt_tokens");
    config.routes[0].conditions[1] = labelled({{"team", {"a"}}});
    plan = plan_route(facts(), config);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code == Errc::conditions_unmet);
    CHECK(plan.error().detail == "prompt_tokens, label:team");
    // What an endpoint that takes the request cannot do says more than a condition.
    RequestFacts large = facts();
    large.n_prompt_tokens = 2'000;
    config.routes[0].conditions[0] = {};
    CHECK(plan_route(large, config).error().code == Errc::context_exceeded);
}

TEST_CASE("plan: conditions take away steps and change nothing else", "[routing]") {
    std::mt19937_64 random(11);
    const std::vector<std::string> labels{"team=a"};
    for (int round = 0; round < 2'000; ++round) {
        config::Config config = sample();
        config.routes[0].plan = {0, 1, 2};
        config.routes[0].conditions.resize(3);
        std::vector<EndpointId> expected;
        for (size_t i = 0; i < 3; ++i) {
            Condition& condition = config.routes[0].conditions[i];
            bool holds = true;
            if (random() % 2 == 0) {
                condition.prompt_tokens_max = static_cast<int64_t>(random() % 200);
                holds = holds && condition.prompt_tokens_max >= 100;
            }
            if (random() % 2 == 0) {
                const bool is_a = random() % 2 == 0;
                condition.labels = {{"team", {is_a ? "a" : "b"}}};
                holds = holds && is_a;
            }
            if (holds) expected.push_back(i);
        }
        RequestFacts asked = facts();
        asked.labels = labels;
        const auto plan = plan_route(asked, config);
        REQUIRE(plan.has_value() == !expected.empty());
        if (!plan) continue;
        CHECK(endpoints(*plan) == expected);
        CHECK(plan->passed.size() == 3 - expected.size());
    }
}

TEST_CASE("plan: what the model at an upstream cannot do, it is not asked", "[routing]") {
    config::Config config = sample();
    config.endpoints[0].capabilities = {false, false, false};
    for (const auto member : {&RequestFacts::has_tools, &RequestFacts::needs_custom_tools,
                              &RequestFacts::needs_json_schema, &RequestFacts::needs_images}) {
        RequestFacts asked = facts();
        CHECK(endpoints(*plan_route(asked, config)) == std::vector<EndpointId>{0, 1});
        asked.*member = true;
        CHECK(endpoints(*plan_route(asked, config)) == std::vector<EndpointId>{1});
    }
}

TEST_CASE("canary: its share of the users, each always on the same side", "[routing]") {
    config::Canary canary;
    int n_before = 0;
    for (const int64_t percent : {1, 5, 20, 50, 99}) {
        canary.share_percent = percent * 1'000'000;
        config::Canary less = canary;
        less.share_percent /= 2;
        int n = 0;
        for (int user = 0; user < 100'000; ++user) {
            const uint64_t draw = draw_of_user("m", std::to_string(user));
            const bool taken = takes_canary(canary, draw);
            n += taken ? 1 : 0;
            // Who has it keeps it when the share grows.
            CHECK((taken || !takes_canary(less, draw)));
        }
        CHECK(n > n_before);
        CHECK(std::abs(n - percent * 1'000) < 700);  // four deviations of the worst, 158
        n_before = n;
    }
    CHECK_FALSE(takes_canary(canary, kNoCanary));
    // Pinned: the same on every machine and after every release.
    CHECK(draw_of_user("m", "alice") == draw_of_user("m", "alice"));
    CHECK(draw_of_user("m", "alice") != draw_of_user("n", "alice"));
    CHECK(draw_of_user("m", "x") != draw_of_user("mx", ""));
}

TEST_CASE("canary: comes first for those that get it and never for others", "[routing]") {
    config::Config config = sample();
    config.routes[0].canary = config::Canary{2, 50'000'000, config::Canary::By::user};
    for (int user = 0; user < 100; ++user) {
        RequestFacts asked = facts();
        asked.canary_draw = draw_of_user("m", std::to_string(user));
        const auto plan = plan_route(asked, config);
        REQUIRE(plan);
        if (takes_canary(*config.routes[0].canary, asked.canary_draw)) {
            CHECK(endpoints(*plan) == std::vector<EndpointId>{2, 0, 1});
            CHECK(plan->attempts[0].is_canary);
            CHECK_FALSE(plan->attempts[1].is_canary);
        } else {
            CHECK(endpoints(*plan) == std::vector<EndpointId>{0, 1});
        }
    }
    // A canary that cannot serve a request is no reason to refuse it.
    config.endpoints[2].n_ctx = 10;
    RequestFacts asked = facts();
    asked.canary_draw = 0;
    CHECK(endpoints(*plan_route(asked, config)) == std::vector<EndpointId>{0, 1});
}
