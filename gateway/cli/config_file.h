#pragma once
// How commands read weir.yaml: the real environment, refusals on standard error.
#include <optional>
#include <string>

#include "config/loader.h"

namespace gateway {

// This process's environment variables and files.
config::Environment process_environment();
// The config, or every refusal printed, one a line.
std::optional<config::Config> load_or_complain(const std::string& file);

}  // namespace gateway
