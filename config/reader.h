#pragma once
// Holds a tree to the grammar and fills the structs that the table points to.
#include "config/grammar.h"
#include "config/refusals.h"
#include "config/yaml_tree.h"

namespace config {

// Refuses unknown, misplaced and missing keys and every value that its type does not allow.
// Defaults are read like written values and added to the tree, marked, for those who read it next.
void read(Node& root, Config& config, Refusals& refusals);

}  // namespace config
