#include "routing/router.h"

#include <catch2/catch.hpp>

#include "config/thinking_defaults.h"

using namespace routing;

namespace {

// Route "m" (alias "a"): endpoint 0 is remote and large, endpoint 1 is an engine and small.
config::Config sample() {
    config::Config config;
    config.engines.emplace_back().name = "v4";
    config.upstreams.emplace_back().name = "up";
    config::Endpoint remote;
    remote.name = "remote";
    remote.upstream = 0;
    remote.n_ctx = 100'000;
    remote.output_tokens_max = 10'000;
    remote.output_tokens_default = 4'096;
    remote.thinking = config::shipped_thinking("gpt-5.5")->table;
    config::Endpoint local;
    local.name = "local";
    local.engine = 0;
    local.n_ctx = 8'192;
    local.output_tokens_max = 8'192;
    local.output_tokens_default = 1'024;
    local.thinking = config::local_thinking(config::Encoding::v0731, config::Effort::high);
    config.endpoints = {remote, local};
    config::Route route;
    route.name = "m";
    route.aliases = {"a"};
    route.plan = {0, 1};
    config.routes = {route};
    config.route_by_model = {{"m", 0}, {"a", 0}};
    return config;
}

RequestFacts facts() {
    RequestFacts facts;
    facts.model = "m";
    facts.n_prompt_tokens = 100;
    return facts;
}

std::vector<EndpointId> order(const Plan& plan) {
    std::vector<EndpointId> ids;
    for (const PlannedAttempt& attempt : plan.attempts) ids.push_back(attempt.endpoint);
    return ids;
}

}  // namespace

TEST_CASE("plan_route: the plan's order, each with its own default limit and tier", "[routing]") {
    const auto plan = plan_route(facts(), sample());
    REQUIRE(plan.has_value());
    CHECK(plan->route == 0);
    CHECK(order(*plan) == std::vector<EndpointId>{0, 1});
    CHECK(plan->attempts[0].n_output_tokens_max == 4'096);
    CHECK(plan->attempts[1].n_output_tokens_max == 1'024);
    CHECK_FALSE(plan->attempts[0].thinking.send);
    CHECK(plan->attempts[1].thinking.tier == config::Effort::high);
}

TEST_CASE("plan_route: an alias is the route; an unknown model is none", "[routing]") {
    RequestFacts asked = facts();
    asked.model = "a";
    CHECK(plan_route(asked, sample()).has_value());
    for (const char* model : {"", "M", "m ", "b"}) {
        asked.model = model;
        CHECK(plan_route(asked, sample()).error().code == Errc::model_unknown);
    }
}

TEST_CASE("plan_route: an engine is left out of what it cannot do yet", "[routing]") {
    RequestFacts asked = facts();
    const auto member = GENERATE(&RequestFacts::needs_custom_tools, &RequestFacts::needs_images,
                                 &RequestFacts::needs_penalties);
    asked.*member = true;
    CHECK(order(*plan_route(asked, sample())) == std::vector<EndpointId>{0});
    config::Config only_local = sample();
    only_local.routes[0].plan = {1};
    CHECK(plan_route(asked, only_local).error().code == Errc::capability_missing);
}

TEST_CASE("plan_route: what the Responses API cannot say needs another endpoint", "[routing]") {
    config::Config config = sample();
    config.endpoints[0].api = config::UpstreamApi::responses;
    RequestFacts asked = facts();
    asked.n_output_tokens_max = 5;
    const auto plan = plan_route(asked, config);
    CHECK(order(*plan) == std::vector<EndpointId>{0, 1});
    CHECK(plan->attempts[0].api == config::UpstreamApi::responses);
    CHECK(plan->attempts[0].n_output_tokens_max == 16);  // its least
    CHECK(plan->attempts[1].n_output_tokens_max == 5);
    asked.chat_only = "seed";
    CHECK(order(*plan_route(asked, config)) == std::vector<EndpointId>{1});
    config.routes[0].plan = {0};
    CHECK(plan_route(asked, config).error().detail.ends_with("seed is not supported"));
    asked.chat_only = "";
    asked.needs_custom_tools = true;
    CHECK(order(*plan_route(asked, config)) == std::vector<EndpointId>{0});
    asked.needs_functions = true;
    CHECK(plan_route(asked, config).error().detail.ends_with("functions is not supported"));
}

TEST_CASE("plan_route: what the Messages API cannot say needs another endpoint", "[routing]") {
    config::Config config = sample();
    config.upstreams[0].kind = config::UpstreamKind::anthropic;
    config.endpoints[0].thinking =
        config::shipped_thinking(config::UpstreamKind::anthropic, "claude-sonnet-4-6").table;
    config.routes[0].plan = {0};
    const auto told = [&](const RequestFacts& asked) {
        const auto plan = plan_route(asked, config);
        return plan ? std::string(to_string(plan->attempts[0].api)) : plan.error().detail;
    };
    RequestFacts asked = facts();
    CHECK(told(asked) == "messages");
    asked.chat_only = "stop";
    CHECK(told(asked) == "messages");
    asked.no_messages = "seed";
    CHECK_THAT(told(asked), Catch::EndsWith("seed is not supported"));
    asked = facts();
    asked.params.add(config::Param::logprobs);
    CHECK_THAT(told(asked), Catch::EndsWith("logprobs is not supported"));
    asked = facts();
    asked.temperature = 1.5;
    asked.params.add(config::Param::temperature);
    CHECK_THAT(told(asked), Catch::EndsWith("temperature above 1 is not supported"));
    asked.thinking = {ThinkingAsk::Kind::effort, config::Effort::high, 0};  // which drops it
    CHECK(told(asked) == "messages");
}

TEST_CASE("plan_route: several choices need an upstream", "[routing]") {
    RequestFacts asked = facts();
    asked.n_choices = 2;
    CHECK(order(*plan_route(asked, sample())) == std::vector<EndpointId>{0});
}

TEST_CASE("plan_route: prompt and limit fit to the token", "[routing]") {
    RequestFacts asked = facts();
    asked.n_prompt_tokens = 8'092;
    asked.n_output_tokens_max = 100;
    CHECK(order(*plan_route(asked, sample())) == std::vector<EndpointId>{0, 1});
    asked.n_output_tokens_max = 101;
    CHECK(order(*plan_route(asked, sample())) == std::vector<EndpointId>{0});
    asked.n_prompt_tokens = 99'900;
    const auto plan = plan_route(asked, sample());
    REQUIRE_FALSE(plan.has_value());
    CHECK(plan.error().code == Errc::context_exceeded);
    CHECK_THAT(plan.error().detail, Catch::Contains("local") && Catch::Contains("8192"));
}

TEST_CASE("plan_route: a default limit shrinks to the room that is left, never below one",
          "[routing]") {
    RequestFacts asked = facts();
    asked.n_prompt_tokens = 8'191;
    CHECK(plan_route(asked, sample())->attempts.at(1).n_output_tokens_max == 1);
    asked.n_prompt_tokens = 8'192;
    CHECK(order(*plan_route(asked, sample())) == std::vector<EndpointId>{0});
    asked.n_prompt_tokens = 97'000;
    CHECK(plan_route(asked, sample())->attempts.at(0).n_output_tokens_max == 3'000);
}

TEST_CASE("plan_route: a limit above the endpoint's is refused, not lowered", "[routing]") {
    RequestFacts asked = facts();
    asked.n_output_tokens_max = 10'001;
    CHECK(plan_route(asked, sample()).error().code == Errc::output_limit_exceeded);
    asked.n_output_tokens_max = 10'000;
    const auto plan = plan_route(asked, sample());
    CHECK(order(*plan) == std::vector<EndpointId>{0});
    CHECK(plan->attempts[0].n_output_tokens_max == 10'000);
}

TEST_CASE("plan_route: a tier one endpoint refuses goes to the next", "[routing]") {
    config::Config config = sample();
    config.endpoints[0].thinking.efforts[static_cast<size_t>(config::Effort::max)] = {};
    RequestFacts asked = facts();
    asked.thinking = {ThinkingAsk::Kind::effort, config::Effort::max, 0};
    CHECK(order(*plan_route(asked, config)) == std::vector<EndpointId>{1});
    config.routes[0].plan = {0};
    CHECK(plan_route(asked, config).error().code == Errc::tier_unsupported);
    asked.thinking = {ThinkingAsk::Kind::budget, config::Effort::none, 100};
    config.endpoints[0].thinking.budget = config::BudgetRule::refuse;
    CHECK(plan_route(asked, config).error().code == Errc::budget_unsupported);
}

TEST_CASE("plan_route: who asks strictly goes where thinking is kept, or nowhere", "[routing]") {
    config::Config config = sample();
    RequestFacts asked = facts();
    const auto strictly = [&](ThinkingAsk ask, config::ParamSet params = {}) {
        asked.thinking = ask;
        asked.params = params;
        asked.is_strict = true;
        const auto plan = plan_route(asked, config);
        return plan ? order(*plan) : std::vector<EndpointId>{};
    };
    using Kind = ThinkingAsk::Kind;
    using Ids = std::vector<EndpointId>;
    CHECK(strictly({Kind::effort, config::Effort::medium, 0}) == Ids{0});
    CHECK(strictly({Kind::effort, config::Effort::high, 0}) == Ids{0, 1});
    CHECK(strictly({Kind::budget, config::Effort::none, 100}) == Ids{1});
    CHECK(strictly({}, config::ParamSet(config::Param::temperature)) == Ids{1});
    CHECK(strictly({Kind::effort, config::Effort::minimal, 0}).empty());
    CHECK(plan_route(asked, config).error().code == Errc::thinking_degraded);
    asked.is_strict = false;
    CHECK(order(*plan_route(asked, config)) == Ids{0, 1});
}

TEST_CASE("plan_route: a route may ask for thinking in place of the client", "[routing]") {
    config::Config config = sample();
    config.routes[0].thinking = "none";
    RequestFacts asked = facts();
    auto plan = plan_route(asked, config);
    CHECK(plan->attempts[0].thinking.tier == config::Effort::none);
    CHECK(describe(plan->attempts[0].asked, plan->attempts[0].thinking) == "none");
    asked.thinking = {ThinkingAsk::Kind::effort, config::Effort::low, 0};
    CHECK(plan_route(asked, config)->attempts[0].thinking.tier == config::Effort::low);
}

TEST_CASE("plan_route: a budget that is no tier's leaves the answer its default", "[routing]") {
    config::Config config = sample();
    config.routes[0].plan = {0};
    config.endpoints[0].thinking = config::shipped_thinking("claude-4.6")->table;
    RequestFacts asked = facts();
    asked.thinking = {ThinkingAsk::Kind::budget, config::Effort::none, 5'000};
    CHECK(plan_route(asked, config)->attempts[0].n_output_tokens_max == 9'096);
    asked.n_output_tokens_max = 5'000;
    CHECK(plan_route(asked, config).error().code == Errc::budget_too_large);
    // Also where it is a tier's: the client has said two things that do not go together.
    config.endpoints[0].thinking = config::shipped_thinking("gpt-5.5")->table;
    CHECK(plan_route(asked, config).error().code == Errc::budget_too_large);
    asked.params = config::ParamSet(config::Param::logprobs);
    CHECK(plan_route(asked, config).error().code == Errc::param_unsupported);
}

TEST_CASE("plan_route: a thinking budget goes where it is kept, with room for an answer",
          "[routing]") {
    config::Config config = sample();
    config.endpoints[0].thinking.budget = config::BudgetRule::refuse;
    RequestFacts asked = facts();
    const auto limits = [&](int64_t n_budget) {
        asked.thinking = {ThinkingAsk::Kind::budget, config::Effort::none, n_budget};
        const auto plan = plan_route(asked, config);
        REQUIRE(plan);
        REQUIRE(order(*plan) == std::vector<EndpointId>{1});
        return std::pair(plan->attempts[0].thinking.n_budget_tokens,
                         plan->attempts[0].n_output_tokens_max);
    };
    CHECK(limits(100) == std::pair<int64_t, int64_t>(100, 1'024));
    CHECK(limits(2'000) == std::pair<int64_t, int64_t>(2'000, 2'064));  // no limit was named
    CHECK(limits(8'091) == std::pair<int64_t, int64_t>(8'028, 8'092));
    asked.n_output_tokens_max = 120;
    CHECK(limits(100) == std::pair<int64_t, int64_t>(56, 120));
    asked.thinking.n_budget_tokens = 120;
    CHECK(plan_route(asked, config).error().code == Errc::budget_too_large);
}

TEST_CASE("falls_back: the route's classes and no others", "[routing]") {
    config::Route route;
    for (size_t i = 0; i < config::kFailureClassCount; ++i) {
        const auto failure = static_cast<config::FailureClass>(i);
        CHECK_FALSE(falls_back(route, failure));
        route.fall_back_on = {};
        route.fall_back_on[i] = true;
        CHECK(falls_back(route, failure));
        route.fall_back_on = {};
    }
}
