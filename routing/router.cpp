#include "routing/router.h"

#include <algorithm>
#include <optional>

#include "routing/conditions.h"
#include "routing/upstream_api.h"

namespace routing {

namespace {

tl::unexpected<Error> refuse(Errc code, const config::Endpoint& endpoint, const std::string& why) {
    return tl::make_unexpected(Error{code, "endpoint " + endpoint.name + ": " + why});
}

// What the file says that the model at an upstream cannot do.
std::string missing_upstream(const RequestFacts& facts, const config::Endpoint& endpoint) {
    using config::Capability;
    const auto lacks = [&](Capability capability) {
        return !endpoint.capabilities[static_cast<size_t>(capability)];
    };
    if ((facts.has_tools || facts.needs_custom_tools) && lacks(Capability::tools)) return "tools";
    if (facts.needs_json_schema && lacks(Capability::json_schema)) return "a json_schema";
    if (facts.needs_images && lacks(Capability::vision)) return "image input";
    return "";
}

// ... and what an engine cannot do yet.
std::string missing_capability(const RequestFacts& facts, const config::Endpoint& endpoint) {
    if (!endpoint.engine) return missing_upstream(facts, endpoint);
    if (facts.needs_custom_tools) return "a custom tool or functions";
    if (facts.needs_images) return "image input";
    if (facts.needs_penalties) return "penalties";
    if (facts.n_choices > 1) return "n above 1";
    return "";
}

// What the Responses API cannot say, of what is sent on.
std::string missing_in_responses(const RequestFacts& facts, const config::ParamSet& dropped) {
    if (facts.needs_functions) return "functions";
    using config::Param;
    for (const Param param : {Param::presence_penalty, Param::frequency_penalty, Param::logit_bias})
        if (facts.params.has(param) && !dropped.has(param)) return std::string(to_string(param));
    return std::string(facts.chat_only);
}

// What the Messages API cannot say, of what is sent on.
std::string missing_in_messages(const RequestFacts& facts, const config::ParamSet& dropped) {
    if (facts.needs_custom_tools) return "a custom tool or functions";
    using config::Param;
    for (const Param param :
         {Param::presence_penalty, Param::frequency_penalty, Param::logit_bias, Param::logprobs})
        if (facts.params.has(param) && !dropped.has(param)) return std::string(to_string(param));
    const bool is_hot = facts.temperature > 1 && !dropped.has(Param::temperature);
    return is_hot ? "temperature above 1" : std::string(facts.no_messages);
}

std::string missing_in(config::UpstreamApi api, const RequestFacts& facts,
                       const config::ParamSet& dropped) {
    if (api == config::UpstreamApi::responses) return missing_in_responses(facts, dropped);
    if (api == config::UpstreamApi::messages) return missing_in_messages(facts, dropped);
    return "";
}

// The limit that is held and sent on. A limit the client named is kept or refused, never lowered;
// where none was named, it holds n_wanted tokens if it can.
Result<int64_t> output_limit(const RequestFacts& facts, const config::Endpoint& endpoint,
                             int64_t n_wanted) {
    const int64_t room = endpoint.n_ctx - facts.n_prompt_tokens;
    const int64_t asked = facts.n_output_tokens_max;
    if (asked > endpoint.output_tokens_max) {
        return refuse(Errc::output_limit_exceeded, endpoint,
                      std::to_string(asked) + " output tokens asked for, at most " +
                          std::to_string(endpoint.output_tokens_max));
    }
    if (room < std::max<int64_t>(asked, 1)) {
        return refuse(Errc::context_exceeded, endpoint,
                      std::to_string(facts.n_prompt_tokens) + " prompt and " +
                          std::to_string(asked) + " output tokens in a context of " +
                          std::to_string(endpoint.n_ctx));
    }
    if (asked > 0) return asked;
    const int64_t n_most = std::min(endpoint.output_tokens_max, room);
    return std::min(std::max(endpoint.output_tokens_default, n_wanted), n_most);
}

// How the reasoning of earlier calls goes back, if it has to.
Result<void> replay_at(Thinking& thinking, const RequestFacts& facts, const config::Config& config,
                       EndpointId id) {
    const config::Endpoint& endpoint = config.endpoints[id];
    const bool is_signed = endpoint.upstream && config.upstreams[*endpoint.upstream].kind ==
                                                    config::UpstreamKind::anthropic;
    if (!is_signed) return replay_reasoning(thinking, facts.replayed, endpoint.thinking);
    const bool is_missing = std::find(facts.unsigned_at.begin(), facts.unsigned_at.end(), id) !=
                            facts.unsigned_at.end();
    return replay_signed(thinking, is_missing, endpoint.thinking);
}

// How the endpoint would think, and what of the request it would not hear then.
Result<Thinking> thinking_at(const RequestFacts& facts, const config::Config& config,
                             EndpointId id) {
    const config::Endpoint& endpoint = config.endpoints[id];
    auto thinking = effective_thinking(facts.thinking, endpoint.thinking, endpoint.n_ctx);
    if (!thinking) return refuse(thinking.error().code, endpoint, thinking.error().detail);
    if (const auto replays = replay_at(*thinking, facts, config, id); !replays) {
        return refuse(replays.error().code, endpoint, replays.error().detail);
    }
    if (const auto borne = drop_params(*thinking, facts.params, endpoint.thinking); !borne) {
        return refuse(borne.error().code, endpoint, borne.error().detail);
    }
    const ThinkingAsk& asked = facts.thinking;
    const bool names_both =
        asked.kind == ThinkingAsk::Kind::budget && facts.n_output_tokens_max > 0;
    if (names_both && asked.n_budget_tokens >= facts.n_output_tokens_max) {
        return refuse(Errc::budget_too_large, endpoint,
                      "a thinking budget of " + std::to_string(asked.n_budget_tokens) +
                          " tokens in an output limit of " +
                          std::to_string(facts.n_output_tokens_max));
    }
    return thinking;
}

config::UpstreamApi api_at(const config::Endpoint& endpoint, const config::Config& config,
                           const RequestFacts& facts, config::Effort tier) {
    if (!endpoint.upstream) return config::UpstreamApi::chat;
    return upstream_api(endpoint, config.upstreams[*endpoint.upstream].kind, facts.has_tools, tier);
}

// Names no endpoint: clients may read it.
Error no_condition_holds(const Plan& plan) {
    std::string whys;
    for (const PassedOver& passed : plan.passed) {
        if (whys.find(passed.why) == whys.npos) whys += (whys.empty() ? "" : ", ") + passed.why;
    }
    return {Errc::conditions_unmet, whys};
}

}  // namespace

Result<PlannedAttempt> consider(const RequestFacts& facts, const config::Config& config,
                                EndpointId id) {
    const config::Endpoint& endpoint = config.endpoints[id];
    const std::string missing = missing_capability(facts, endpoint);
    if (!missing.empty()) {
        return refuse(Errc::capability_missing, endpoint, missing + " is not supported");
    }
    auto thinking = thinking_at(facts, config, id);
    if (!thinking) return tl::make_unexpected(thinking.error());
    const config::UpstreamApi api = api_at(endpoint, config, facts, thinking->tier);
    const std::string lacks = missing_in(api, facts, thinking->dropped);
    if (!lacks.empty()) {
        return refuse(Errc::capability_missing, endpoint, lacks + " is not supported");
    }
    const int64_t n_answer_min =
        endpoint.engine ? config.engines[*endpoint.engine].answer_tokens_min : 1;
    const int64_t n_answer = endpoint.engine ? n_answer_min : endpoint.output_tokens_default;
    const int64_t n_budget = thinking->n_budget_tokens;
    auto limit = output_limit(facts, endpoint, n_budget > 0 ? n_budget + n_answer : 0);
    if (!limit) return tl::make_unexpected(limit.error());
    if (api == config::UpstreamApi::responses) limit = std::max(*limit, kResponsesOutputMin);
    if (const auto fits = fit_budget(*thinking, *limit, n_answer_min); !fits) {
        return refuse(fits.error().code, endpoint, fits.error().detail);
    }
    if (facts.is_strict && thinking->is_degraded()) {
        return refuse(Errc::thinking_degraded, endpoint,
                      "it would be " + describe(facts.thinking, *thinking));
    }
    PlannedAttempt attempt;
    attempt.endpoint = id;
    attempt.n_output_tokens_max = *limit;
    attempt.thinking = *thinking;
    attempt.asked = facts.thinking;
    attempt.api = api;
    return attempt;
}

ThinkingAsk ask_of(const ThinkingAsk& own, const config::Route& route) {
    return own.kind == ThinkingAsk::Kind::absent ? default_ask(route.thinking) : own;
}

Result<Plan> plan_route(const RequestFacts& request, const config::Config& config) {
    const auto route = config.route_by_model.find(request.model);
    if (route == config.route_by_model.end()) {
        return tl::make_unexpected(
            Error{Errc::model_unknown, "no route for model " + std::string(request.model)});
    }
    RequestFacts facts = request;
    const config::Route& asked = config.routes[route->second];
    facts.thinking = ask_of(request.thinking, asked);
    Plan plan;
    plan.route = route->second;
    if (asked.canary && takes_canary(*asked.canary, facts.canary_draw)) {
        if (auto attempt = consider(facts, config, asked.canary->endpoint)) {
            attempt->is_canary = true;
            plan.attempts.push_back(*attempt);
        }
    }
    std::optional<Error> last;
    for (size_t place = 0; place < asked.plan.size(); ++place) {
        if (!asked.conditions.empty()) {
            if (const auto unmet = first_unmet(asked.conditions[place], facts)) {
                plan.passed.push_back({asked.plan[place], to_string(*unmet)});
                continue;
            }
        }
        auto attempt = consider(facts, config, asked.plan[place]);
        if (attempt) {
            plan.attempts.push_back(*attempt);
        } else {
            last = std::move(attempt.error());
        }
    }
    if (!plan.attempts.empty()) return plan;
    return tl::make_unexpected(last ? std::move(*last) : no_condition_holds(plan));
}

bool falls_back(const config::Route& route, config::FailureClass failure) {
    return route.fall_back_on[static_cast<size_t>(failure)];
}

}  // namespace routing
