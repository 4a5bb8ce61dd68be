#pragma once
// What a request's tools may be called with: their names, and of each parameter what it may be.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/schema/json_schema.h"

namespace engine {

struct ParameterRule {
    std::string name;
    uint8_t kinds;  // json_kinds
    // Of a strict tool:
    bool required = false;
    uint32_t edge = JsonSchema::kNone;  // of its schema, to the value
    std::vector<std::string>
        texts{};  // ascending: what a text may be, and a </ behind it; none: any
};

struct ToolRule {
    std::string name;
    std::vector<ParameterRule> parameters;       // by name, none twice
    bool any_parameter = false;                  // of other names too
    std::shared_ptr<const JsonSchema> schema{};  // of a strict tool
};

// Of a JSON array as OpenAI spells it, by name, none twice; only those that `choice` names, if it
// names any. Names that no call could write (empty, or with a quote or a control character) are
// left out. Other names than those of `properties` are allowed where the schema says so, and where
// it has no `properties`. Only a strict tool is held to more: parameters that are required, and all
// that a schema says of a value.
//
// Errors: prompt_invalid for what is no array of functions; for strict tools those of
// JsonSchema::compile(), schema_unsupported besides for names that no call could write and for
// additionalProperties, with the place of the tool.
Result<std::vector<ToolRule>> read_tool_rules(std::string_view tools, const ToolChoice& choice);

}  // namespace engine
