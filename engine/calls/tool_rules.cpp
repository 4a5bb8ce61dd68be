#include "engine/calls/tool_rules.h"

#include <algorithm>

#include "engine/calls/strict_rule.h"
#include "engine/chat/json_cursor.h"
#include "engine/schema/schema_path.h"
#include "engine/schema/schema_words.h"

namespace engine {
namespace {

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
            kinds = kinds_of_type(word).value_or(json_kinds::any);
            return true;
        }
        if (json.next() != JsonCursor::Kind::array) return json.skip(other);
        uint8_t all = 0;
        const bool whole = json.array([&] {
            word.clear();
            if (json.next() != JsonCursor::Kind::string) return json.skip(other);
            if (!json.string(word)) return false;
            all |= kinds_of_type(word).value_or(json_kinds::any);
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
    return whole;
}

struct FunctionTool {
    ToolRule rule;
    size_t place;  // among the tools
    bool strict = false;
    std::string_view parameters{};  // a schema, or empty
};

bool read_function(JsonCursor& json, FunctionTool& tool) {
    return json.object([&](const std::string& key) {
        std::string_view other;
        if (key == "name" && json.next() == JsonCursor::Kind::string) {
            tool.rule.name.clear();
            return json.string(tool.rule.name);
        }
        if (key == "strict" && json.next() == JsonCursor::Kind::boolean)
            return json.boolean(tool.strict);
        return json.skip(key == "parameters" ? tool.parameters : other);
    });
}

Result<std::vector<FunctionTool>> read_functions(std::string_view tools) {
    std::vector<FunctionTool> functions;
    JsonCursor json(tools);
    size_t place = 0;
    const bool whole = json.array([&] {
        const size_t here = place++;
        return json.object([&](const std::string& key) {
            std::string_view other;
            if (key != "function") return json.skip(other);
            return read_function(json, functions.emplace_back(FunctionTool{{}, here}));
        });
    });
    if (whole && json.done()) return functions;
    return tl::unexpected(Error{Errc::prompt_invalid, "tools are no array of functions"});
}

// All that the strict tools of one request may have.
constexpr size_t kStrictBytesMax = size_t{256} << 10;

Result<void> add_parameters(FunctionTool& tool, size_t& n_strict_bytes) {
    if (!tool.strict) {
        JsonCursor json(tool.parameters);
        if (!tool.parameters.empty()) read_schema(json, tool.rule);
        return {};
    }
    n_strict_bytes += tool.parameters.size();
    auto held = n_strict_bytes > kStrictBytesMax
                    ? refuse_schema({}, "the schemas of all strict functions are larger than " +
                                            std::to_string(kStrictBytesMax) + " bytes.")
                    : hold_strictly(tool.rule, tool.parameters);
    if (!held) held.error().schema = {tool.place, tool.rule.name};
    return held;
}

}  // namespace

Result<std::vector<ToolRule>> read_tool_rules(std::string_view tools, const ToolChoice& choice) {
    auto functions = read_functions(tools);
    if (!functions) return tl::unexpected(functions.error());
    const auto& only = choice.only;
    std::erase_if(*functions, [&](const FunctionTool& tool) {
        const bool is_chosen =
            only.empty() || std::find(only.begin(), only.end(), tool.rule.name) != only.end();
        return !is_chosen || choice.mode == ToolChoice::Mode::none || !is_writable(tool.rule.name);
    });
    std::vector<ToolRule> rules;
    size_t n_strict_bytes = 0;
    for (FunctionTool& tool : *functions) {
        if (auto added = add_parameters(tool, n_strict_bytes); !added)
            return tl::unexpected(added.error());
        sort_by_name(tool.rule.parameters);
        rules.push_back(std::move(tool.rule));
    }
    sort_by_name(rules);
    return rules;
}

}  // namespace engine
