#include "gateway/cli/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "billing/applied_price.h"
#include "billing/cost.h"
#include "config/scalar.h"
#include "routing/conditions.h"
#include "routing/rank.h"
#include "routing/router.h"

namespace gateway {

namespace {

using nlohmann::ordered_json;

routing::RequestFacts facts_of(const ExplainAsk& ask) {
    routing::RequestFacts facts;
    facts.model = ask.model;
    facts.n_prompt_tokens = ask.n_prompt_tokens;
    facts.n_output_tokens_max = ask.n_output_tokens;
    if (ask.effort) facts.thinking = {routing::ThinkingAsk::Kind::effort, *ask.effort, 0};
    facts.has_tools = ask.needs_tools;
    facts.needs_json_schema = ask.needs_json_schema;
    facts.needs_images = ask.needs_images;
    facts.labels = ask.labels;
    facts.headers = ask.headers;
    facts.now = ask.at;
    return facts;
}

// One endpoint of the plan: asked, or left out because of `why`.
struct Step {
    const config::Endpoint* endpoint = nullptr;
    std::string why;
    routing::PlannedAttempt attempt{};
    std::string reasoning;
    billing::AppliedPrice price;
    billing::NanoUsd worst;
    routing::Candidate candidate;
    std::optional<routing::BalancedScore> score;  // order auto
};

Step step_of(const config::Config& config, const config::Route& route, const ExplainAsk& ask,
             size_t id) {
    Step step;
    step.endpoint = &config.endpoints[id];
    routing::RequestFacts facts = facts_of(ask);
    facts.thinking = routing::ask_of(facts.thinking, route);
    const auto attempt = routing::consider(facts, config, id);
    if (!attempt) {
        const std::string prefix = "endpoint " + step.endpoint->name + ": ";
        step.why = attempt.error().detail.substr(
            attempt.error().detail.starts_with(prefix) ? prefix.size() : 0);
        return step;
    }
    auto price = billing::apply_price(config.prices[step.endpoint->price], ask.at,
                                      config::ServiceTier::standard);
    if (!price) {
        step.why = "price " + config.prices[step.endpoint->price].name + " has no version then";
        return step;
    }
    step.attempt = *attempt;
    step.reasoning = routing::describe(facts.thinking, attempt->thinking);
    if (!attempt->thinking.send) step.reasoning += " (its own)";
    step.price = std::move(*price);
    step.worst =
        billing::cost_bound(ask.n_prompt_tokens, attempt->n_output_tokens_max, step.price.tariff);
    step.candidate.cost_nano_usd = step.worst.n;
    step.candidate.quality = step.endpoint->quality;
    if (route.order == config::PlanOrder::automatic) {
        const int64_t n_likely =
            std::min(attempt->n_output_tokens_max, routing::kLikelyOutputTokens);
        step.candidate.cost_nano_usd =
            billing::cost_bound(ask.n_prompt_tokens, n_likely, step.price.tariff).n;
    }
    return step;
}

// The step at a place of the plan, unless its condition does not hold.
Step planned_step(const config::Config& config, const config::Route& route, const ExplainAsk& ask,
                  size_t place) {
    if (!route.conditions.empty()) {
        const config::Condition& condition = route.conditions[place];
        if (const auto unmet = routing::first_unmet(condition, facts_of(ask))) {
            Step step;
            step.endpoint = &config.endpoints[route.plan[place]];
            step.why = routing::describe(*unmet, condition);
            return step;
        }
    }
    return step_of(config, route, ask, route.plan[place]);
}

// "0.5" of 500000.
std::string percent_of(const config::Canary& canary) {
    std::string text =
        fmt::format("{}.{:06}", canary.share_percent / 1'000'000, canary.share_percent % 1'000'000);
    text.resize(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
}

Step canary_step(const config::Config& config, const config::Route& route, const ExplainAsk& ask) {
    const config::Canary& canary = *route.canary;
    const bool by_user = canary.by == config::Canary::By::user;
    const bool is_known = by_user && ask.user;
    if (is_known && routing::takes_canary(canary, routing::draw_of_user(route.name, *ask.user))) {
        Step step = step_of(config, route, ask, canary.endpoint);
        step.candidate.is_canary = true;
        return step;
    }
    Step step;
    step.endpoint = &config.endpoints[canary.endpoint];
    step.why = fmt::format("it is the canary of {} % of the {}", percent_of(canary),
                           by_user ? "users" : "requests");
    if (is_known)
        step.why += ", this is none of them";
    else if (by_user)
        step.why += "; --user NAME says of whom";
    return step;
}

// Nothing is known of speed, load, caches and dice here: those orders stand as listed.
std::vector<Step> ordered(std::vector<Step> steps, const config::Route& route) {
    const bool is_automatic = route.order == config::PlanOrder::automatic;
    const bool is_known = is_automatic || route.order == config::PlanOrder::cheapest;
    std::vector<routing::Candidate> candidates;
    for (const Step& step : steps) candidates.push_back(step.candidate);
    if (is_automatic) {
        const auto scores = routing::balanced_scores(candidates, route.balance);
        for (size_t i = 0; i < steps.size(); ++i) {
            if (!candidates[i].is_canary) steps[i].score = scores[i];
        }
    }
    std::vector<Step> sorted;
    for (const size_t place : routing::rank(is_known ? route.order : config::PlanOrder::listed,
                                            candidates, 0, route.balance))
        sorted.push_back(std::move(steps[place]));
    return sorted;
}

std::vector<std::string> falls_back_on(const config::Route& route) {
    std::vector<std::string> words;
    for (size_t i = 0; i < config::kFailureClassCount; ++i) {
        if (route.fall_back_on[i])
            words.emplace_back(to_string(static_cast<config::FailureClass>(i)));
    }
    return words;
}

ordered_json timeouts_of(const config::Route& route) {
    const config::Timeouts& t = route.timeouts;
    return {{"connect", config::shown_duration(t.connect.count())},
            {"ttft", config::shown_duration(t.ttft.count())},
            {"idle", config::shown_duration(t.idle.count())},
            {"total", config::shown_duration(t.total.count())}};
}

std::string place_of(const config::Config& config, const config::Endpoint& endpoint) {
    if (endpoint.engine) return "engine " + config.engines[*endpoint.engine].name;
    return "upstream " + config.upstreams[*endpoint.upstream].name + ", model " + endpoint.model;
}

std::string price_of(const Step& step) {
    return step.price.name + (step.price.version.empty() ? "" : "/" + step.price.version) +
           (step.price.window.empty() ? "" : "/" + step.price.window);
}

ordered_json json_of(const config::Config& config, const Step& step) {
    ordered_json json{{"endpoint", step.endpoint->name}, {"at", place_of(config, *step.endpoint)}};
    if (!step.why.empty()) {
        json["left_out"] = step.why;
        return json;
    }
    if (step.endpoint->upstream) json["api"] = to_string(step.attempt.api);
    json["output_tokens_max"] = step.attempt.n_output_tokens_max;
    json["reasoning"] = step.reasoning;
    json["price"] = price_of(step);
    json["worst_cost_usd"] = config::to_string(step.worst);
    if (step.candidate.is_canary) json["canary"] = true;
    if (step.score) {
        json["score"] = {{"cost", step.score->cost},
                         {"latency", nullptr},  // not known here
                         {"quality", step.score->quality}};
    }
    return json;
}

const char* api_note(config::UpstreamApi api) {
    if (api == config::UpstreamApi::responses) return ", Responses API";
    return api == config::UpstreamApi::messages ? ", Messages API" : "";
}

void print(const config::Config& config, const Step& step, size_t place) {
    const std::string number = place == 0 ? "-" : std::to_string(place);
    const std::string& name = step.endpoint->name;
    const std::string at = place_of(config, *step.endpoint);
    if (place == 0) {
        std::printf("%2s  %s (%s): left out, %s\n", number.c_str(), name.c_str(), at.c_str(),
                    step.why.c_str());
        return;
    }
    std::printf("%2s  %s (%s%s): at most %lld output tokens, thinking %s, price %s, up to %s USD\n",
                number.c_str(), name.c_str(), at.c_str(), api_note(step.attempt.api),
                static_cast<long long>(step.attempt.n_output_tokens_max), step.reasoning.c_str(),
                price_of(step).c_str(), config::to_string(step.worst).c_str());
    if (step.candidate.is_canary) std::printf("    the canary of this user\n");
    if (step.score) {
        std::printf("    score %.3f: cost %.3f, quality %.3f, latency not known here\n",
                    step.score->sum(), step.score->cost, step.score->quality);
    }
}

}  // namespace

bool explain(const config::Config& config, const ExplainAsk& ask, bool as_json) {
    const auto found = config.route_by_model.find(ask.model);
    if (found == config.route_by_model.end()) {
        std::fprintf(stderr, "weir: no route for model %s\n", ask.model.c_str());
        return false;
    }
    const config::Route& route = config.routes[found->second];
    std::vector<Step> tried;
    std::vector<Step> left_out;
    const auto take = [&](Step step) {
        (step.why.empty() ? tried : left_out).push_back(std::move(step));
    };
    if (route.canary) take(canary_step(config, route, ask));
    for (size_t place = 0; place < route.plan.size(); ++place)
        take(planned_step(config, route, ask, place));
    tried = ordered(std::move(tried), route);
    const std::vector<std::string> classes = falls_back_on(route);
    const ordered_json timeouts = timeouts_of(route);
    if (as_json) {
        ordered_json json{{"model", ask.model},
                          {"route", route.name},
                          {"order", to_string(route.order)},
                          {"fall_back_on", classes},
                          {"n_retries_max", route.n_retries_max},
                          {"timeouts", timeouts},
                          {"plan", ordered_json::array()}};
        for (const auto* steps : {&tried, &left_out})
            for (const Step& step : *steps) json["plan"].push_back(json_of(config, step));
        std::printf("%s\n", json.dump().c_str());
        return !tried.empty();
    }
    std::printf("model %s takes route %s; order: %s\n", ask.model.c_str(), route.name.c_str(),
                std::string(to_string(route.order)).c_str());
    std::printf("time-outs:");
    for (const auto& [name, value] : timeouts.items())
        std::printf(" %s %s", name.c_str(), value.get<std::string>().c_str());
    std::printf("\nthe next is tried after:");
    for (const std::string& word : classes) std::printf(" %s", word.c_str());
    std::printf("\n");
    if (route.n_retries_max > 0)
        std::printf("the last is tried again: up to %d times, within its retry budget\n",
                    route.n_retries_max);
    size_t place = 0;
    for (const Step& step : tried) print(config, step, ++place);
    for (const Step& step : left_out) print(config, step, 0);
    return !tried.empty();
}

}  // namespace gateway
