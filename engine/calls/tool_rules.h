#pragma once
// What a request's tools may be called with: their names, and of each parameter what it may be.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace engine {

struct ParameterRule {
    std::string name;
    uint8_t kinds;  // json_kinds
};

struct ToolRule {
    std::string name;
    std::vector<ParameterRule> parameters;  // by name, none twice
    bool any_parameter = false;             // of other names too
};

// Of a JSON array as OpenAI spells it, by name, none twice; only those that `choice` names, if it
// names any. Names that no call could write (empty, or with a quote or a control character) are
// left out. Other names than those of `properties` are allowed where the schema says so, and where
// it has no `properties`. Errors: prompt_invalid for what is no array of functions.
Result<std::vector<ToolRule>> read_tool_rules(std::string_view tools, const ToolChoice& choice);

}  // namespace engine
