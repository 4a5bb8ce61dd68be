#pragma once
// weir check --explain: what would become of a request, offline.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"

namespace gateway {

struct ExplainAsk {
    std::string model;
    int64_t n_prompt_tokens = 0;
    int64_t n_output_tokens = 0;  // the client's limit; 0: none
    std::optional<config::Effort> effort;
    config::UnixMillis at;
    std::vector<std::string> labels;                           // of the key: "team=batch"
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::optional<std::string> user;                           // whose request it is
    bool needs_tools = false, needs_json_schema = false, needs_images = false;
};

// Prints each endpoint of the plan, and the canary, with what it would be asked and may cost, or
// why it is left out; as JSON, if so asked. False: no endpoint can serve the request, or there is
// no such model.
bool explain(const config::Config& config, const ExplainAsk& ask, bool as_json);

}  // namespace gateway
