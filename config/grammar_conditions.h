#pragma once
// The grammar of what a route gives to whom: conditions, canary, balance. Conditions and canaries
// are read from the tree, by config/link_conditions.cpp.
#include "config/grammar.h"

namespace config {

extern const Section kConditionSection;
extern const Section kCanarySection;
extern const Section kBalanceSection;

}  // namespace config
