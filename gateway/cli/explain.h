#pragma once
// weir check --explain: what would become of a request, offline.
#include <optional>
#include <string>

#include "config/config.h"

namespace gateway {

struct ExplainAsk {
    std::string model;
    int64_t n_prompt_tokens = 0;
    int64_t n_output_tokens = 0;  // the client's limit; 0: none
    std::optional<config::Effort> effort;
    config::UnixMillis at;
};

// Prints each endpoint of the plan with what it would be asked and may cost, or why it is left out;
// as JSON, if so asked. False: no endpoint can serve the request, or there is no such model.
bool explain(const config::Config& config, const ExplainAsk& ask, bool as_json);

}  // namespace gateway
