#pragma once
// What a strict tool may be called with.
#include "engine/calls/tool_rules.h"

namespace engine {

// A name that stands in a tag as it is.
bool is_writable(std::string_view name);

// Compiles the schema of a tool's parameters (empty: it has none) and fills the rule from it.
// Errors: those of JsonSchema::compile(); schema_unsupported besides, for what is no closed object,
// and for names that are not writable.
Result<void> hold_strictly(ToolRule& rule, std::string_view parameters);

}  // namespace engine
