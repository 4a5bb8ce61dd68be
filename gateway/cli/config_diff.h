#pragma once
// weir check --diff: what another file would change.
#include "config/loader.h"

namespace gateway {

// Prints each key that differs, the routes that it concerns, and what needs a restart. Returns how
// many keys differ.
size_t print_diff(const config::Settings& before, const config::Settings& after,
                  const config::Config& config);

}  // namespace gateway
