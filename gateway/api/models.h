#pragma once
// The models that a client may name: routes and their aliases.
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "billing/key_terms.h"
#include "config/config.h"
#include "gateway/api/api_error.h"

namespace gateway {

// The body of GET /v1/models, sorted by name: what a key of this scope may ask for (null: all).
std::string models_list(const config::Config& config, const billing::KeyScope* scope = nullptr);
// One entry of it. Errors: 404.
tl::expected<std::string, ApiError> model_entry(const config::Config& config,
                                                std::string_view model,
                                                const billing::KeyScope* scope = nullptr);

}  // namespace gateway
