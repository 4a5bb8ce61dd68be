#include "engine/calls/tool_rules.h"

#include <algorithm>

#include "engine/calls/json_machine.h"
#include "engine/chat/json_cursor.h"

namespace engine {
namespace {

bool is_writable(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return static_cast<uint8_t>(c) >= 0x20 && c != '"' && c != '<';
    });
}

uint8_t kind_of(std::string_view word) {
    using namespace json_kinds;
    if (word == "null") return null;
    if (word == "boolean") return boolean;
    if (word == "integer") return integer;
    if (word == "number") return number | integer;
    if (word == "string") return string;
    if (word == "array") return array;
    if (word == "object") return object;
    return any;
}

// Of a property's schema. What says no type may be anything.
bool read_kinds(JsonCursor& json, uint8_t& kinds) {
    kinds = json_kinds::any;
    std::string_view other;
    if (json.next() != JsonCursor::Kind::object) return json.skip(other);
    return json.object([&](const std::string& key) {
        if (key != "type") return json.skip(other);
        std::string word;
        if (json.next() == JsonCursor::Kind::string) {
            if (!json.string(word)) return false;
            kinds = kind_of(word);
            return true;
        }
        if (json.next() != JsonCursor::Kind::array) return json.skip(other);
        uint8_t all = 0;
        const bool whole = json.array([&] {
            word.clear();
            if (json.next() != JsonCursor::Kind::string) return json.skip(other);
            if (!json.string(word)) return false;
            all |= kind_of(word);
            return true;
        });
        kinds = all != 0 ? all : json_kinds::any;
        return whole;
    });
}

template <class Rule>
void sort_by_name(std::vector<Rule>& rules) {
    const auto less = [](const Rule& a, const Rule& b) { return a.name < b.name; };
    const auto same = [](const Rule& a, const Rule& b) { return a.name == b.name; };
    std::stable_sort(rules.begin(), rules.end(), less);
    rules.erase(std::unique(rules.begin(), rules.end(), same), rules.end());
}

bool read_schema(JsonCursor& json, ToolRule& tool) {
    std::string_view other;
    if (json.next() != JsonCursor::Kind::object) return json.skip(other);
    bool lists = false;  // whether it says `properties` at all
    bool closed = false;
    const bool whole = json.object([&](const std::string& key) {
        if (key == "additionalProperties") {
            bool allowed = true;
            if (json.next() == JsonCursor::Kind::boolean) {
                closed = json.boolean(allowed) && !allowed;
                tool.any_parameter |= allowed;
                return true;
            }
            tool.any_parameter = true;
            return json.skip(other);
        }
        if (key != "properties" || json.next() != JsonCursor::Kind::object) return json.skip(other);
        lists = true;
        return json.object([&](const std::string& name) {
            ParameterRule rule{name, json_kinds::any};
            if (!read_kinds(json, rule.kinds)) return false;
            if (is_writable(name)) tool.parameters.push_back(std::move(rule));
            return true;
        });
    });
    if (!lists && !closed) tool.any_parameter = true;
    sort_by_name(tool.parameters);
    return whole;
}

bool read_function(JsonCursor& json, std::vector<ToolRule>& tools) {
    ToolRule tool;
    const bool whole = json.object([&](const std::string& key) {
        std::string_view other;
        if (key == "name" && json.next() == JsonCursor::Kind::string) {
            tool.name.clear();
            return json.string(tool.name);
        }
        if (key != "parameters") return json.skip(other);
        tool.parameters.clear();
        tool.any_parameter = false;
        return read_schema(json, tool);
    });
    if (is_writable(tool.name)) tools.push_back(std::move(tool));
    return whole;
}

}  // namespace

Result<std::vector<ToolRule>> read_tool_rules(std::string_view tools, const ToolChoice& choice) {
    std::vector<ToolRule> rules;
    JsonCursor json(tools);
    const bool whole = json.array([&] {
        return json.object([&](const std::string& key) {
            std::string_view other;
            return key == "function" ? read_function(json, rules) : json.skip(other);
        });
    });
    if (!whole || !json.done()) {
        return tl::unexpected(Error{Errc::prompt_invalid, "tools are no array of functions"});
    }
    const auto& only = choice.only;
    std::erase_if(rules, [&only](const ToolRule& rule) {
        return !only.empty() && std::find(only.begin(), only.end(), rule.name) == only.end();
    });
    sort_by_name(rules);
    return rules;
}

}  // namespace engine
