#include "gateway/chat/chat_plan.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "billing/cost.h"

namespace gateway {

namespace {

// Below this a prompt is tokenised on the io thread: it takes less than a thread's wake-up.
constexpr size_t kInlinePromptBytes = 16 << 10;

using Prepared = tl::expected<engine::Prompt, ApiError>;

routing::RequestFacts facts_of(const ChatRequest& request) {
    routing::RequestFacts facts;
    facts.model = request.model;
    facts.n_prompt_tokens = request.n_prompt_tokens_estimate;
    facts.n_output_tokens_max = request.n_output_tokens_max.value_or(0);
    facts.n_choices = request.n_choices;
    facts.needs_custom_tools = request.needs_custom_tools;
    facts.needs_images = request.needs_images;
    facts.needs_penalties = request.needs_penalties;
    facts.needs_flex = request.needs_flex;
    facts.thinking = request.thinking;
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

}  // namespace

asio::awaitable<tl::expected<ChatPlan, ApiError>> plan_chat(const ChatRequest& request,
                                                            const Snapshot& snapshot,
                                                            asio::thread_pool& workers,
                                                            uint64_t owner, uint64_t seed) {
    const config::Config& config = *snapshot.config;
    const routing::HealthSnapshot health(config.endpoints.size(), true);
    auto routed = routing::plan_route(facts_of(request), config, health, seed);
    if (!routed) {
        co_return tl::unexpected(
            api_error(routed.error(), {request.model, request.n_prompt_tokens_estimate,
                                       request.n_output_tokens_max.value_or(0)}));
    }
    ChatPlan plan;
    plan.route = routed->route;
    std::optional<ApiError> left_out;
    for (const routing::PlannedAttempt& attempt : routed->attempts) {
        const config::Endpoint& endpoint = config.endpoints[attempt.endpoint];
        PlannedStep step{
            attempt, {}, request.n_prompt_tokens_bound, request.n_prompt_tokens_estimate, 0};
        if (endpoint.engine) {
            const engine::Engine& engine = *snapshot.engines[*endpoint.engine];
            const config::Effort tier = attempt.thinking.tier;
            // Not one conditional expression: g++ 12 destroys the result of a co_await inside it
            // twice.
            Prepared prompt;
            if (request.body.size() <= kInlinePromptBytes)
                prompt = prepare(request, engine, tier, owner);
            else
                prompt = co_await asio::co_spawn(
                    workers, prepare_elsewhere(request, engine, tier, owner), asio::use_awaitable);
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
        plan.amount =
            std::max(plan.amount, billing::cost_bound(step.n_prompt_held, step.n_output_held,
                                                      config.prices[endpoint.price]));
        plan.steps.push_back(std::move(step));
    }
    if (plan.steps.empty()) co_return tl::unexpected(std::move(*left_out));
    co_return plan;
}

}  // namespace gateway
