#pragma once
// Which of its APIs an upstream is asked in: thinking-tiers 5.1 and 5.2.
#include <string_view>

#include "config/config.h"

namespace routing {

// The smallest output limit that the Responses API takes.
inline constexpr int64_t kResponsesOutputMin = 16;

// Never automatic. What the endpoint's config leaves open is decided for kind openai: some models
// have no Chat Completions API; some think there only while no tools are given. Kind anthropic has
// the Messages API alone.
config::UpstreamApi upstream_api(const config::Endpoint& endpoint, config::UpstreamKind kind,
                                 bool has_tools, config::Effort tier);

}  // namespace routing
