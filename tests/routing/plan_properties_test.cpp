// plan_route on random configs against a plain model of it, written the other way round: from the
// question whether one endpoint may serve, not from a walk that remembers its last error.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "config/thinking_defaults.h"
#include "routing/router.h"

using namespace routing;

namespace {

class Random {
public:
    explicit Random(uint64_t seed) : bits_(seed) {}
    int64_t below(int64_t n) { return static_cast<int64_t>(bits_() % static_cast<uint64_t>(n)); }
    bool once_in(int64_t n) { return below(n) == 0; }

private:
    std::mt19937_64 bits_;
};

config::Endpoint random_endpoint(Random& random, size_t id) {
    config::Endpoint endpoint;
    endpoint.name = "e" + std::to_string(id);
    if (random.once_in(2)) {
        endpoint.engine = 0;
        endpoint.thinking = config::local_thinking(
            random.once_in(2) ? config::Encoding::preview : config::Encoding::v0731,
            config::Effort::high);
    } else {
        endpoint.upstream = 0;
        endpoint.thinking =
            config::shipped_thinking(random.once_in(2) ? "deepseek" : "gpt-5.5")->table;
    }
    endpoint.n_ctx = random.once_in(4) ? 500'000 : 1 + random.below(200);
    endpoint.output_tokens_max = 1 + random.below(endpoint.n_ctx);
    endpoint.output_tokens_default = 1 + random.below(endpoint.output_tokens_max);
    for (config::ThinkingRule& rule : endpoint.thinking.efforts) {
        if (random.once_in(5)) rule = {};
    }
    if (random.once_in(5)) endpoint.thinking.absent = {};
    return endpoint;
}

config::Config random_config(Random& random) {
    config::Config config;
    config.engines.emplace_back().answer_tokens_min = 10;
    config.upstreams.emplace_back();
    const int64_t n_endpoints = 1 + random.below(6);
    for (int64_t i = 0; i < n_endpoints; ++i) {
        config.endpoints.push_back(random_endpoint(random, static_cast<size_t>(i)));
    }
    config::Route route;
    route.name = "m";
    for (size_t i = 0; i < config.endpoints.size(); ++i) route.plan.push_back(i);
    for (size_t i = route.plan.size(); i > 1; --i) {
        std::swap(route.plan[i - 1],
                  route.plan[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
    }
    route.plan.resize(static_cast<size_t>(1 + random.below(n_endpoints)));
    config.routes = {route};
    config.route_by_model = {{"m", 0}};
    return config;
}

RequestFacts random_facts(Random& random) {
    RequestFacts facts;
    facts.model = "m";
    facts.n_prompt_tokens = 1 + random.below(200);
    facts.n_output_tokens_max = random.once_in(2) ? 0 : 1 + random.below(200);
    facts.n_choices = random.once_in(8) ? 2 : 1;
    facts.needs_custom_tools = random.once_in(8);
    facts.needs_images = random.once_in(8);
    facts.needs_penalties = random.once_in(8);
    facts.thinking.kind = static_cast<ThinkingAsk::Kind>(random.once_in(10) ? 3 : random.below(3));
    facts.thinking.effort = static_cast<config::Effort>(random.below(7));
    facts.thinking.n_budget_tokens = 1 + random.below(150);
    return facts;
}

// What plan_route() says of it, told from the other end: the limit if none is named.
int64_t limit_of(const RequestFacts& facts, const config::Endpoint& endpoint) {
    if (facts.n_output_tokens_max > 0) return facts.n_output_tokens_max;
    int64_t limit = endpoint.output_tokens_default;
    if (endpoint.engine && facts.thinking.kind == ThinkingAsk::Kind::budget)
        limit = std::max(limit, facts.thinking.n_budget_tokens + 10);
    return std::min({limit, endpoint.output_tokens_max, endpoint.n_ctx - facts.n_prompt_tokens});
}

bool may_serve(const RequestFacts& facts, const config::Endpoint& endpoint) {
    const bool plain = !facts.needs_custom_tools && !facts.needs_images && !facts.needs_penalties &&
                       facts.n_choices == 1;
    return (endpoint.upstream || plain) &&
           facts.n_output_tokens_max <= endpoint.output_tokens_max &&
           facts.n_prompt_tokens + std::max<int64_t>(1, facts.n_output_tokens_max) <=
               endpoint.n_ctx &&
           effective_thinking(facts.thinking, endpoint.thinking, endpoint.n_ctx).has_value() &&
           (facts.thinking.kind != ThinkingAsk::Kind::budget ||
            (endpoint.upstream && facts.n_output_tokens_max == 0) ||
            facts.thinking.n_budget_tokens < limit_of(facts, endpoint));
}

}  // namespace

TEST_CASE("plan_route: who may serve, in the plan's order", "[routing]") {
    Random random(20'261'125);
    int n_planned = 0;
    int n_refused = 0;
    for (int round = 0; round < 20'000; ++round) {
        const config::Config config = random_config(random);
        const RequestFacts facts = random_facts(random);
        CAPTURE(round);

        std::vector<EndpointId> expected;
        for (const size_t id : config.routes[0].plan)
            if (may_serve(facts, config.endpoints[id])) expected.push_back(id);
        const auto plan = plan_route(facts, config);
        REQUIRE(plan.has_value() == !expected.empty());
        if (!plan) {
            ++n_refused;
            const std::string& last = config.endpoints[config.routes[0].plan.back()].name;
            REQUIRE(plan.error().code != Errc::model_unknown);
            REQUIRE(plan.error().detail.starts_with("endpoint " + last + ":"));
            continue;
        }
        ++n_planned;
        REQUIRE(plan->attempts.size() == expected.size());
        for (size_t i = 0; i < expected.size(); ++i) {
            const PlannedAttempt& attempt = plan->attempts[i];
            const config::Endpoint& endpoint = config.endpoints[expected[i]];
            REQUIRE(attempt.endpoint == expected[i]);
            REQUIRE(attempt.n_output_tokens_max >= 1);
            REQUIRE(attempt.n_output_tokens_max <= endpoint.output_tokens_max);
            REQUIRE(facts.n_prompt_tokens + attempt.n_output_tokens_max <= endpoint.n_ctx);
            REQUIRE(attempt.n_output_tokens_max == limit_of(facts, endpoint));
            const int64_t n_budget = attempt.thinking.n_budget_tokens;
            const bool is_kept =
                endpoint.engine && facts.thinking.kind == ThinkingAsk::Kind::budget;
            REQUIRE((n_budget > 0) == is_kept);
            REQUIRE(n_budget <= std::max<int64_t>(1, attempt.n_output_tokens_max - 10));
        }
    }
    // The generator reaches both sides.
    CHECK(n_planned > 2'000);
    CHECK(n_refused > 2'000);
}
