#include "gateway/chat/start_attempt.h"

#include "gateway/api/request_id.h"
#include "gateway/chat/engine_attempt.h"
#include "gateway/telemetry/wall_clock.h"

namespace gateway {

namespace {

engine::Sampling sampling_of(const ChatRequest& chat, config::ParamSet dropped) {
    const engine::Sampling own;
    engine::Sampling sampling = chat.sampling;
    if (dropped.has(config::Param::temperature)) sampling.temperature = own.temperature;
    if (dropped.has(config::Param::top_p)) sampling.top_p = own.top_p;
    if (dropped.has(config::Param::top_k)) sampling.top_k = own.top_k;
    return sampling;
}

}  // namespace

tl::expected<std::unique_ptr<Attempt>, AttemptEnd> start_attempt(RelayServices& services,
                                                                 const RelayRequest& request,
                                                                 const ChatRequest& chat,
                                                                 const ChatPlan& plan,
                                                                 const PlannedStep& step) {
    const config::Config& config = *request.snapshot->config;
    const config::Endpoint& endpoint = config.endpoints[step.attempt.endpoint];
    if (!endpoint.engine) {
        UpstreamCall call;
        call.upstream = &config.upstreams[*endpoint.upstream];
        call.endpoint = &endpoint;
        call.request = &chat;
        call.n_output_tokens_max = step.attempt.n_output_tokens_max;
        call.thinking = step.attempt.thinking;
        call.api = step.attempt.api;
        call.account = static_cast<uint64_t>(request.caller.account.n);
        call.timeouts = config.routes[plan.route].timeouts;
        // An unstreamed answer comes whole, minutes of reasoning included: nothing comes before
        // it.
        if (!chat.stream) call.timeouts.ttft = call.timeouts.total;
        call.deadline = request.received + config.limits.request_timeout;
        call.request_id = request.request_id;
        return services.upstreams.start(call, request.snapshot->config);
    }
    const bool is_flex = chat.service_tier == config::ServiceTier::flex;
    EngineCall call;
    call.engine = request.snapshot->engines[*endpoint.engine];
    call.prompt = step.prompt;
    call.sampling = sampling_of(chat, step.attempt.thinking.dropped);
    if (step.attempt.thinking.n_budget_tokens > 0)
        call.sampling.n_reasoning_max = step.attempt.thinking.n_budget_tokens;
    call.terms = {step.attempt.n_output_tokens_max, static_cast<uint64_t>(request.caller.account.n),
                  is_flex ? engine::Priority::batch : engine::Priority::interactive};
    call.stream = chat.stream;
    call.include_usage = chat.include_usage;
    call.head = {new_completion_id(), wall_clock_now().ms / 1000, endpoint.name,
                 std::string(call.engine->fingerprint()), is_flex};
    call.buffer_bytes_max = config.limits.stream_buffer_bytes;
    auto started = start_engine_attempt(services.io, std::move(call));
    if (started) return std::move(*started);
    AttemptEnd end;
    end.kind = AttemptEnd::Kind::failed;
    end.failure = failure_class(started.error().code);
    end.detail = started.error().detail;
    const ApiError told = api_error(
        started.error(), {chat.model, step.n_prompt_held, step.attempt.n_output_tokens_max});
    end.upstream_status = told.status;
    end.message = told.message;
    end.type = told.type;
    end.param = told.param.value_or("");
    end.code = told.code.value_or("");
    return tl::unexpected(std::move(end));
}

}  // namespace gateway
