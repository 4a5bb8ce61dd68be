#include "gateway/chat/quote.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/api/json_text.h"

namespace gateway {

namespace {

constexpr std::string_view kContextExceeded = "context_length_exceeded";

void append_member(std::string& out, std::string_view name) {
    if (out.back() != '{') out += ',';
    append_json_string(out, name);
    out += ':';
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
    append_member(out, name);
    append_json_string(out, text);
}

void append_count(std::string& out, std::string_view name, int64_t value) {
    append_member(out, name);
    append_number(out, value);
}

void append_flag(std::string& out, std::string_view name, bool value) {
    append_member(out, name);
    out += value ? "true" : "false";
}

std::string begin(const ChatRequest& request) {
    std::string out = R"({"object":"quote")";
    append_text(out, "model", request.model);
    return out;
}

// By step; nothing for those that are not an engine's: what an upstream has cached is not known.
using Cached = std::vector<std::optional<int64_t>>;

void append_cached(std::string& out, const std::optional<int64_t>& n_cached) {
    append_member(out, "cached_tokens");
    if (n_cached)
        append_number(out, *n_cached);
    else
        out += "null";
}

// An engine's count is exact; of others' tokens only a bound is known.
void append_step(std::string& out, const PlannedStep& step, const std::optional<int64_t>& n_cached,
                 const config::Config& config) {
    const config::Endpoint& endpoint = config.endpoints[step.attempt.endpoint];
    out += '{';
    append_text(out, "endpoint", endpoint.name);
    append_count(out, "prompt_tokens", step.n_prompt_estimate);
    append_flag(out, "prompt_tokens_exact", endpoint.engine.has_value());
    append_count(out, "prompt_tokens_max", step.n_prompt_held);
    append_cached(out, n_cached);
    append_count(out, "completion_tokens_max", step.n_output_held);
    append_count(out, "context_length", endpoint.n_ctx);
    append_text(out, "worst_cost_usd", config::to_string(bound_of(step)));
    append_text(out, "price", step.price.name);
    append_text(out, "price_version", step.price.version);
    append_text(out, "price_window", step.price.window);
    append_text(out, "reasoning", routing::describe(step.attempt.asked, step.attempt.thinking));
    out += '}';
}

std::string too_long(const ChatRequest& request, const ApiError& error) {
    std::string out = begin(request);
    append_flag(out, "fits_context", false);
    append_text(out, "message", error.message);
    append_count(out, "prompt_tokens", request.n_prompt_tokens_estimate);
    append_flag(out, "prompt_tokens_exact", false);
    return out += R"(,"cached_tokens":null,"worst_cost_usd":null,"plan":[]})";
}

std::string quote(const ChatRequest& request, const ChatPlan& plan, const Cached& cached,
                  const config::Config& config) {
    const PlannedStep& first = plan.steps.front();
    std::string out = begin(request);
    append_text(out, "route", config.routes[plan.route].name);
    append_flag(out, "fits_context", true);
    append_count(out, "prompt_tokens", first.n_prompt_estimate);
    append_flag(out, "prompt_tokens_exact",
                config.endpoints[first.attempt.endpoint].engine.has_value());
    append_cached(out, cached.front());
    append_text(out, "worst_cost_usd", config::to_string(plan.amount));
    append_text(out, "service_tier", to_string(plan.tier));
    out += R"(,"plan":[)";
    for (size_t i = 0; i < plan.steps.size(); ++i) {
        if (i > 0) out += ',';
        append_step(out, plan.steps[i], cached[i], config);
    }
    return out += "]}";
}

Cached cached_of(const ChatPlan& plan, const Snapshot& snapshot, uint64_t owner) {
    Cached cached;
    for (const PlannedStep& step : plan.steps) {
        const auto& engine = snapshot.config->endpoints[step.attempt.endpoint].engine;
        cached.push_back(
            engine ? std::optional(snapshot.engines[*engine]->n_resident(step.prompt, owner))
                   : std::nullopt);
    }
    return cached;
}

// Not on the io thread: an engine may let it wait.
asio::awaitable<Cached> cached_elsewhere(const ChatPlan& plan, const Snapshot& snapshot,
                                         uint64_t owner) {
    co_return cached_of(plan, snapshot, owner);
}

}  // namespace

asio::awaitable<tl::expected<std::string, ApiError>> quote_chat(std::string body,
                                                                const Snapshot& snapshot,
                                                                asio::thread_pool& workers,
                                                                const PlanTerms& terms) {
    const auto request = parse_chat_request(std::move(body), *snapshot.config);
    if (!request) co_return tl::unexpected(request.error());
    const auto plan = co_await plan_chat(*request, snapshot, workers, terms);
    if (plan) {
        const Cached cached = co_await asio::co_spawn(
            workers, cached_elsewhere(*plan, snapshot, terms.owner), asio::use_awaitable);
        co_return quote(*request, *plan, cached, *snapshot.config);
    }
    if (plan.error().code == kContextExceeded) co_return too_long(*request, plan.error());
    co_return tl::unexpected(plan.error());
}

}  // namespace gateway
