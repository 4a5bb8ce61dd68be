#include "routing/upstream_api.h"

#include <algorithm>
#include <array>

namespace routing {

namespace {

using config::UpstreamApi;

// Parts of a model's name, between dashes.
constexpr std::array<std::string_view, 3> kResponsesOnly = {"-pro-", "-codex-", "-research-"};
// What models begin with that refuse function tools while they think.
constexpr std::array<std::string_view, 4> kThinksWithoutTools = {"gpt-5.4", "gpt-5.5", "gpt-5.6",
                                                                 "gpt-6"};

bool is_responses_only(std::string_view model) {
    const std::string name = std::string(model) + "-";
    return std::any_of(kResponsesOnly.begin(), kResponsesOnly.end(),
                       [&](std::string_view part) { return name.find(part) != name.npos; });
}

bool thinks_without_tools(std::string_view model) {
    return std::any_of(kThinksWithoutTools.begin(), kThinksWithoutTools.end(),
                       [&](std::string_view begin) { return model.starts_with(begin); });
}

}  // namespace

UpstreamApi upstream_api(const config::Endpoint& endpoint, config::UpstreamKind kind,
                         bool has_tools, config::Effort tier) {
    if (endpoint.api != UpstreamApi::automatic) return endpoint.api;
    if (kind == config::UpstreamKind::anthropic) return UpstreamApi::messages;
    if (kind != config::UpstreamKind::openai) return UpstreamApi::chat;
    const bool needs_it =
        is_responses_only(endpoint.model) ||
        (has_tools && tier != config::Effort::none && thinks_without_tools(endpoint.model));
    return needs_it ? UpstreamApi::responses : UpstreamApi::chat;
}

}  // namespace routing
