#pragma once
// ${env:NAME} and ${file:PATH}: after parsing, and only where they are a whole value, so that
// nothing that comes from outside can make new keys.
#include "config/loader.h"
#include "config/yaml_tree.h"

namespace config {

class Refusals;

// Replaces every such value below `node` by what `environment` answers, one newline at its end
// removed. Refuses what is unset, empty or not text, and any "${" inside a longer value.
void expand(Node& node, const Environment& environment, Refusals& refusals);

}  // namespace config
