#pragma once
// The rows of the grammar below endpoints.<name>.thinking.
#include "config/grammar.h"

namespace config {

extern const Section kThinkingSection;

// What a route may ask for in place of a client.
inline constexpr std::string_view kAskWords[] = {"none", "minimal", "low", "medium",
                                                 "high", "xhigh",   "max", "on"};

}  // namespace config
