#include "gateway/chat/chat_plan.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "billing/cost.h"
#include "gateway/chat/plan_order.h"
#include "gateway/upstream/object_scan.h"
#include "gateway/upstream/reasoning_refill.h"
#include "routing/conditions.h"

namespace gateway {

namespace {

// Below this a prompt is tokenised on the io thread: it takes less than a thread's wake-up.
constexpr size_t kInlinePromptBytes = 16 << 10;

constexpr int64_t kBytesOfToken = 4;  // likely
// Well above what Anthropic adds to a prompt with tools, up to 530 tokens as it says.
constexpr int64_t kMessagesPreambleTokens = 1'024;

using Prepared = tl::expected<engine::Prompt, ApiError>;

std::string_view messages_of(const ChatRequest& request) {
    return value_of(request.body, request.members, "messages");
}

// With what is kept: then it stands elsewhere.
routing::Replayed replayed(const ChatRequest& request, const PlanTerms& terms) {
    if (request.replayed != routing::Replayed::missing || !terms.reasoning) return request.replayed;
    const KeptReasoning kept(*terms.reasoning, terms.owner, kPlainReasoning);
    return has_all_reasoning(messages_of(request), kept) ? routing::Replayed::elsewhere
                                                         : routing::Replayed::missing;
}

// What the attempt adds to the prompt, never too few.
int64_t n_kept_tokens(const ChatRequest& request, const routing::PlannedAttempt& attempt,
                      const config::Endpoint& endpoint, const PlanTerms& terms) {
    const bool is_sealed = attempt.api == config::UpstreamApi::responses ||
                           attempt.api == config::UpstreamApi::messages;
    if (!terms.reasoning || (!is_sealed && !attempt.thinking.refills)) return 0;
    const std::string_view place = is_sealed ? std::string_view(endpoint.name) : kPlainReasoning;
    return n_kept_tokens_max(messages_of(request), {*terms.reasoning, terms.owner, place});
}

// The endpoints of the request's route where its open calls lack the signed reasoning.
std::vector<routing::EndpointId> unsigned_at(const ChatRequest& request,
                                             const config::Config& config, const PlanTerms& terms) {
    std::vector<routing::EndpointId> endpoints;
    const auto route = config.route_by_model.find(request.model);
    if (!terms.reasoning || route == config.route_by_model.end()) return endpoints;
    for (const size_t id : config.routes[route->second].plan) {
        const config::Endpoint& endpoint = config.endpoints[id];
        if (!endpoint.upstream ||
            config.upstreams[*endpoint.upstream].kind != config::UpstreamKind::anthropic)
            continue;
        const std::string_view calls = open_calls(messages_of(request));
        const KeptReasoning kept(*terms.reasoning, terms.owner, endpoint.name);
        if (!calls.empty() && !kept.behind(calls, "")) endpoints.push_back(id);
    }
    return endpoints;
}

// Who it is that a canary is drawn for: safety_identifier, else user, else the account.
uint64_t canary_draw(const ChatRequest& request, const config::Route& route,
                     const PlanTerms& terms) {
    if (route.canary->by == config::Canary::By::request)
        return terms.is_quote ? routing::kNoCanary : routing::draw_of_request(terms.dice);
    for (const char* const name : {"safety_identifier", "user"}) {
        const std::string_view user = value_of(request.body, request.members, name);
        if (user.starts_with('"')) return routing::draw_of_user(route.name, unquote(user));
    }
    return routing::draw_of_user(route.name, std::to_string(terms.owner));
}

routing::RequestFacts facts_of(const ChatRequest& request, const config::Config& config,
                               const PlanTerms& terms) {
    routing::RequestFacts facts;
    facts.model = request.model;
    facts.n_prompt_tokens = request.n_prompt_tokens_estimate;
    facts.n_output_tokens_max = request.n_output_tokens_max.value_or(0);
    facts.n_choices = request.n_choices;
    facts.needs_custom_tools = request.needs_custom_tools;
    facts.needs_functions = request.needs_functions;
    facts.needs_images = request.needs_images;
    facts.needs_penalties = request.needs_penalties;
    facts.has_tools = request.has_tools;
    facts.needs_json_schema = request.needs_json_schema;
    if (terms.scope) facts.labels = terms.scope->labels();
    facts.headers = terms.headers;
    facts.now = terms.now;
    facts.chat_only = request.chat_only;
    facts.no_messages = request.no_messages;
    facts.temperature = request.sampling.temperature;
    facts.thinking = request.thinking;
    facts.params = request.params;
    facts.replayed = replayed(request, terms);
    facts.unsigned_at = unsigned_at(request, config, terms);
    return facts;
}

Prepared prepare(const ChatRequest& request, const engine::Engine& engine, config::Effort tier,
                 uint64_t owner) {
    auto conversation = engine_conversation(request);
    if (!conversation) return tl::unexpected(std::move(conversation.error()));
    conversation->owner = owner;
    auto prompt = engine.prepare(*conversation, tier);
    if (!prompt) return tl::unexpected(api_error(prompt.error(), {request.model, 0, 0}));
    return std::move(*prompt);
}

asio::awaitable<Prepared> prepare_elsewhere(const ChatRequest& request,
                                            const engine::Engine& engine, config::Effort tier,
                                            uint64_t owner) {
    co_return prepare(request, engine, tier, owner);
}

// Fits the output limit into what the exact prompt leaves. A limit of the client's own is never
// shrunk.
std::optional<ApiError> fit_context(PlannedStep& step, const ChatRequest& request, int64_t n_ctx) {
    const int64_t n_prompt = step.n_prompt_held;
    int64_t& n_output = step.attempt.n_output_tokens_max;
    if (!request.n_output_tokens_max) n_output = std::min(n_output, n_ctx - n_prompt);
    if (n_output >= 1 && n_prompt + n_output <= n_ctx) return {};
    return api_error(routing::Error{routing::Errc::context_exceeded, std::to_string(n_ctx)},
                     {request.model, n_prompt, n_output});
}

billing::Result<billing::AppliedPrice> price_of(const config::Endpoint& endpoint,
                                                const config::Config& config,
                                                config::ServiceTier tier, config::UnixMillis at) {
    const config::Price& price = config.prices[endpoint.price];
    auto applied = billing::apply_price(price, at, tier);
    if (!applied && endpoint.engine && tier == config::ServiceTier::flex)
        applied = billing::apply_price(price, at, config::ServiceTier::standard);
    return applied;
}

// A tier that has no price is the request's fault, a model without one is ours.
ApiError unpriced(const config::Endpoint& endpoint, const ChatRequest& request,
                  const billing::Error& error) {
    if (request.service_tier == config::ServiceTier::standard) return api_error(error);
    const routing::Error missing{routing::Errc::capability_missing,
                                 "endpoint " + endpoint.name + ": service_tier " +
                                     std::string(to_string(request.service_tier)) +
                                     " has no price"};
    return api_error(missing, {request.model, 0, 0});
}

bool may_ask(const config::Route* route, const billing::KeyScope* scope) {
    return !scope || !route || scope->allows_route(route->name);
}

}  // namespace

billing::NanoUsd bound_of(const PlannedStep& step) {
    return billing::cost_bound(step.n_prompt_held, step.n_output_held, step.price.tariff);
}

billing::Result<billing::NanoUsd> price_plan(ChatPlan& plan, const config::Config& config,
                                             config::UnixMillis at) {
    billing::NanoUsd amount;
    for (PlannedStep& step : plan.steps) {
        auto price = price_of(config.endpoints[step.attempt.endpoint], config, plan.tier, at);
        if (!price) return tl::unexpected(price.error());
        step.price = std::move(*price);
        amount = std::max(amount, bound_of(step));
    }
    return amount;
}

asio::awaitable<tl::expected<ChatPlan, ApiError>> plan_chat(const ChatRequest& request,
                                                            const Snapshot& snapshot,
                                                            asio::thread_pool& workers,
                                                            const PlanTerms& terms) {
    const config::Config& config = *snapshot.config;
    const auto found = config.route_by_model.find(request.model);
    const config::Route* route =
        found == config.route_by_model.end() ? nullptr : &config.routes[found->second];
    if (!may_ask(route, terms.scope)) co_return tl::unexpected(model_unknown(request.model));
    routing::RequestFacts facts = facts_of(request, config, terms);
    if (route && route->canary) facts.canary_draw = canary_draw(request, *route, terms);
    facts.is_strict = terms.scope && terms.scope->is_strict_thinking();
    auto routed = routing::plan_route(facts, config);
    if (!routed) {
        co_return tl::unexpected(
            api_error(routed.error(), {request.model, request.n_prompt_tokens_estimate,
                                       request.n_output_tokens_max.value_or(0)}));
    }
    ChatPlan plan;
    plan.tier = request.service_tier;
    plan.route = routed->route;
    plan.passed = std::move(routed->passed);
    std::optional<ApiError> left_out;
    for (const routing::PlannedAttempt& attempt : routed->attempts) {
        const config::Endpoint& endpoint = config.endpoints[attempt.endpoint];
        if (terms.scope && !terms.scope->allows_endpoint(endpoint.name)) {
            if (!left_out) left_out = model_unknown(request.model);
            continue;
        }
        PlannedStep step{
            attempt, {}, request.n_prompt_tokens_bound, request.n_prompt_tokens_estimate};
        auto price = price_of(endpoint, config, request.service_tier, terms.now);
        if (!price) {
            left_out = unpriced(endpoint, request, price.error());
            continue;
        }
        step.price = std::move(*price);
        const int64_t n_kept = n_kept_tokens(request, attempt, endpoint, terms);
        step.n_prompt_held += n_kept;
        if (attempt.api == config::UpstreamApi::messages)
            step.n_prompt_held += kMessagesPreambleTokens;
        step.n_prompt_estimate += n_kept / kBytesOfToken;
        if (endpoint.engine) {
            const engine::Engine& engine = *snapshot.engines[*endpoint.engine];
            const config::Effort tier = attempt.thinking.tier;
            // Not one conditional expression: g++ 12 destroys the result of a co_await inside it
            // twice.
            Prepared prompt;
            if (request.body.size() <= kInlinePromptBytes)
                prompt = prepare(request, engine, tier, terms.owner);
            else
                prompt = co_await asio::co_spawn(
                    workers, prepare_elsewhere(request, engine, tier, terms.owner),
                    asio::use_awaitable);
            if (!prompt) {
                left_out = std::move(prompt.error());
                continue;
            }
            step.prompt = std::move(*prompt);
            step.n_prompt_held = static_cast<int64_t>(step.prompt.tokens.size());
            step.n_prompt_estimate = step.n_prompt_held;
            if (auto error = fit_context(step, request, engine.n_ctx())) {
                left_out = std::move(*error);
                continue;
            }
        }
        step.n_output_held = step.attempt.n_output_tokens_max * request.n_choices;
        plan.amount = std::max(plan.amount, bound_of(step));
        plan.steps.push_back(std::move(step));
    }
    if (plan.steps.empty()) co_return tl::unexpected(std::move(*left_out));
    if (route->canary && !terms.is_quote)
        snapshot.metrics->canary(plan.route, plan.steps.front().attempt.is_canary);
    if (plan.steps.size() > 1) co_await order_plan(plan, request, snapshot, workers, terms);
    co_return plan;
}

}  // namespace gateway
