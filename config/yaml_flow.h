#pragma once
// A tree as one line of YAML again, for digests: equal for equal content, however it was laid out.
#include <string>

#include "config/yaml_tree.h"

namespace config {

// Keys sorted, every text in quotes, what was filled in from the grammar left out.
std::string flow_text(const Node& node);

}  // namespace config
