#include "config/config.h"

#include "config/ensure.h"

namespace config {

namespace {

constexpr std::array<std::string_view, kEffortCount> kEffortWords = {
    "none", "minimal", "low", "medium", "high", "xhigh", "max"};

constexpr std::array<std::string_view, kParamCount> kParamWords = {
    "temperature", "top_p", "top_k",    "presence_penalty", "frequency_penalty",
    "logit_bias",  "n",     "logprobs", "tool_choice"};

constexpr std::array<std::string_view, 4> kUpstreamKindWords = {"openai", "deepseek", "anthropic",
                                                                "openai_compatible"};

constexpr std::array<std::string_view, 4> kUpstreamApiWords = {"auto", "chat", "responses",
                                                               "messages"};

constexpr std::array<std::string_view, kFailureClassCount> kFailureClassWords = {
    "credential",   "quota",        "model_gone",     "rate_limit",      "overloaded",
    "server_error", "connect",      "timeout_ttft",   "timeout_idle",    "cut",
    "malformed",    "caller_fault", "content_policy", "context_exceeded"};

constexpr std::array<std::string_view, 7> kPlanOrderWords = {
    "listed", "weighted", "cheapest", "fastest", "least_busy", "warmest", "auto"};

constexpr std::array<std::string_view, kCapabilityCount> kCapabilityWords = {"tools", "json_schema",
                                                                             "vision"};

template <class Enum, size_t N>
std::string_view word_of(Enum value, const std::array<std::string_view, N>& words) {
    const auto index = static_cast<size_t>(value);
    ENSURE(index < N);
    return words[index];
}

template <class Enum, size_t N>
std::optional<Enum> value_of(std::string_view word, const std::array<std::string_view, N>& words) {
    for (size_t i = 0; i < N; ++i) {
        if (words[i] == word) return static_cast<Enum>(i);
    }
    return {};
}

}  // namespace

std::string_view to_string(Effort effort) {
    return word_of(effort, kEffortWords);
}

std::optional<Effort> parse_effort(std::string_view word) {
    if (word == "ultra") return Effort::max;
    return value_of<Effort>(word, kEffortWords);
}

std::string_view to_string(Param param) {
    return word_of(param, kParamWords);
}

std::string_view to_string(UpstreamKind kind) {
    return word_of(kind, kUpstreamKindWords);
}

std::string_view to_string(UpstreamApi api) {
    return word_of(api, kUpstreamApiWords);
}

std::string_view to_string(PlanOrder order) {
    return word_of(order, kPlanOrderWords);
}

std::string_view to_string(Capability capability) {
    return word_of(capability, kCapabilityWords);
}

std::string_view to_string(FailureClass failure) {
    return word_of(failure, kFailureClassWords);
}

std::optional<FailureClass> parse_failure_class(std::string_view word) {
    return value_of<FailureClass>(word, kFailureClassWords);
}

}  // namespace config
