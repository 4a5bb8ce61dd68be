#include "engine/calls/strict_rule.h"

#include <algorithm>

#include "engine/chat/json_cursor.h"
#include "engine/schema/json_machine.h"
#include "engine/schema/schema_path.h"

namespace engine {
namespace {

constexpr std::string_view kNoParameters = R"({"type":"object","additionalProperties":false})";

std::string unquoted(const std::string& text) {
    std::string out;
    JsonCursor(text).string(out);
    return out;
}

uint8_t kind_of_literal(const std::string& text) {
    switch (text.front()) {
        case '"':
            return json_kinds::string;
        case '{':
            return json_kinds::object;
        case '[':
            return json_kinds::array;
        default:
            return json_kinds::number;  // or whatever is no string
    }
}

// Which kinds, and which texts if not any.
void add_value(const JsonSchema::Set& set, ParameterRule& rule) {
    rule.kinds = 0;
    if (set.objects != 0) rule.kinds |= json_kinds::object;
    if (set.arrays != 0) rule.kinds |= json_kinds::array;
    for (const auto& alternative : set.alternatives) rule.kinds |= alternative.kinds;
    const bool is_any_text = (rule.kinds & json_kinds::string) != 0;
    for (const JsonSchema::Literal& literal : set.literals) {
        const uint8_t kind = kind_of_literal(literal.text);
        rule.kinds |= kind;
        if (kind == json_kinds::string && !is_any_text)
            rule.texts.push_back(unquoted(literal.text) + "</");
    }
    std::sort(rule.texts.begin(), rule.texts.end());
}

}  // namespace

bool is_writable(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return static_cast<uint8_t>(c) >= 0x20 && c != '"' && c != '<';
    });
}

Result<void> hold_strictly(ToolRule& rule, std::string_view parameters) {
    auto schema = JsonSchema::compile(parameters.empty() ? kNoParameters : parameters);
    if (!schema) return tl::unexpected(schema.error());
    const JsonSchema::Set& set = (*schema)->set(JsonSchema::root());
    if (set.alternatives.size() != 1 || set.objects == 0)
        return refuse_schema({}, "the parameters of a strict function must be one object.");
    const JsonSchema::ObjectRule& object = set.alternatives.front().object;
    if (object.is_open)
        return refuse_schema({}, "'additionalProperties' must be false in a strict function.");
    for (size_t i = 0; i < object.slots.size(); ++i) {
        const JsonSchema::Key& key = set.keys[object.slots[i]];
        ParameterRule parameter{unquoted('"' + key.text + '"'), 0};
        parameter.required = object.required[i] == i;
        parameter.edge = key.edge;
        if (!is_writable(parameter.name)) {
            return refuse_schema({"properties", parameter.name},
                                 "a name with a quote, a < or a control character is not "
                                 "supported.");
        }
        if (key.edge == JsonSchema::kNone) continue;  // nothing fits, and it is not required
        add_value((*schema)->set(key.edge), parameter);
        rule.parameters.push_back(std::move(parameter));
    }
    rule.schema = std::move(*schema);
    return {};
}

}  // namespace engine
