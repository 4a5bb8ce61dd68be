#include "gateway/chat/plan_order.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>

#include "billing/cost.h"
#include "routing/rank.h"

namespace gateway {

namespace {

using config::PlanOrder;

// Of a request's messages, what decides where sticky ones go.
constexpr size_t kStickyBytes = 2'048;

uint64_t hash_of(std::string_view text, uint64_t seed) {
    uint64_t hash = 0xcbf29ce484222325 ^ seed;  // FNV-1a
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

// The same for requests of one account whose messages begin alike.
uint64_t sticky_seed(const ChatRequest& request, uint64_t owner) {
    for (const BodyMember& member : request.members) {
        if (member.key != "messages") continue;
        const std::string_view text =
            std::string_view(request.body)
                .substr(member.value_begin, member.value_end - member.value_begin);
        return hash_of(text.substr(0, kStickyBytes), owner);
    }
    return owner;
}

int64_t weight_of(const config::Route& route, size_t endpoint) {
    const auto place = std::ranges::find(route.plan, endpoint);
    const auto index = static_cast<size_t>(place - route.plan.begin());
    return index < route.weights.size() ? route.weights[index] : 1;
}

double seconds_of(const routing::EndpointSight& sight, int64_t n_tokens) {
    if (sight.tokens_per_s == 0) return sight.first_token_s;
    return sight.first_token_s + static_cast<double>(n_tokens) / sight.tokens_per_s;
}

routing::Candidate candidate_of(const PlannedStep& step, const config::Route& route,
                                const config::Config& config, const routing::EndpointSight& sight) {
    routing::Candidate candidate;
    candidate.id = hash_of(config.endpoints[step.attempt.endpoint].name, 0);
    candidate.is_up = sight.is_up;
    candidate.weight = weight_of(route, step.attempt.endpoint);
    candidate.n_running = sight.n_running;
    candidate.quality = config.endpoints[step.attempt.endpoint].quality;
    candidate.is_canary = step.attempt.is_canary;
    const int64_t n_likely = std::min(step.n_output_held, routing::kLikelyOutputTokens);
    candidate.seconds = seconds_of(sight, n_likely);
    const bool is_cheapest = route.order == PlanOrder::cheapest;
    if (is_cheapest || route.order == PlanOrder::automatic)
        candidate.cost_nano_usd =
            billing::cost_bound(step.n_prompt_estimate, is_cheapest ? step.n_output_held : n_likely,
                                step.price.tariff)
                .n;
    return candidate;
}

// By step; 0 for upstreams: what they have at hand is not known.
using Warm = std::vector<int64_t>;

asio::awaitable<Warm> warm_of(const ChatPlan& plan, const Snapshot& snapshot, uint64_t owner) {
    Warm warm;
    for (const PlannedStep& step : plan.steps) {
        const auto& engine = snapshot.config->endpoints[step.attempt.endpoint].engine;
        warm.push_back(engine ? snapshot.engines[*engine]->n_resident(step.prompt, owner) : 0);
    }
    co_return warm;
}

void permute(std::vector<PlannedStep>& steps, const std::vector<size_t>& places) {
    std::vector<PlannedStep> ordered;
    ordered.reserve(steps.size());
    for (const size_t place : places) ordered.push_back(std::move(steps[place]));
    steps = std::move(ordered);
}

}  // namespace

asio::awaitable<void> order_plan(ChatPlan& plan, const ChatRequest& request,
                                 const Snapshot& snapshot, asio::thread_pool& workers,
                                 const PlanTerms& terms) {
    const config::Config& config = *snapshot.config;
    const config::Route& route = config.routes[plan.route];
    Warm warm(plan.steps.size(), 0);
    if (route.order == PlanOrder::warmest)
        warm = co_await asio::co_spawn(workers, warm_of(plan, snapshot, terms.owner),
                                       asio::use_awaitable);
    const auto now = std::chrono::steady_clock::now();
    std::vector<routing::Candidate> candidates;
    for (size_t i = 0; i < plan.steps.size(); ++i) {
        PlannedStep& step = plan.steps[i];
        routing::EndpointHealth& health = *snapshot.health[step.attempt.endpoint];
        const routing::EndpointSight sight =
            terms.is_quote ? health.peek(now) : health.look(now, terms.dice + i);
        step.is_up = sight.is_up;
        candidates.push_back(candidate_of(step, route, config, sight));
        candidates.back().n_warm_tokens = warm[i];
    }
    const uint64_t seed = route.sticky ? sticky_seed(request, terms.owner) : terms.dice;
    if (route.order == PlanOrder::automatic) {
        const auto scores = routing::balanced_scores(candidates, route.balance);
        for (size_t i = 0; i < scores.size(); ++i) plan.steps[i].score = scores[i].sum();
    }
    permute(plan.steps, routing::rank(route.order, candidates, seed, route.balance));
}

std::string reason_of(const ChatPlan& plan, const config::Config& config, const PlannedStep& chosen,
                      std::optional<config::FailureClass> after) {
    const config::Route& route = config.routes[plan.route];
    std::string text(chosen.attempt.is_canary ? "canary" : to_string(route.order));
    if (route.order == PlanOrder::automatic && !chosen.attempt.is_canary)
        text += fmt::format("; score={:.3f}", chosen.score);
    std::string_view before = "; passed=";
    for (const routing::PassedOver& passed : plan.passed) {
        text += before;
        text += config.endpoints[passed.endpoint].name + "(" + passed.why + ")";
        before = ",";
    }
    std::string_view between = "; down=";
    for (const PlannedStep& step : plan.steps) {
        if (step.is_up) continue;
        text += between;
        text += config.endpoints[step.attempt.endpoint].name;
        between = ",";
    }
    if (after) text += "; after=" + std::string(config::to_string(*after));
    return text;
}

}  // namespace gateway
