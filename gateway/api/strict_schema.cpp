#include "gateway/api/strict_schema.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "gateway/api/request_errors.h"

namespace gateway {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;
using Why = std::optional<std::string>;

// Objects and arrays below which schemas stand.
constexpr std::array<std::string_view, 3> kMapsOfSchemas = {"properties", "$defs", "definitions"};
constexpr std::array<std::string_view, 2> kListsOfSchemas = {"anyOf", "prefixItems"};

bool is_object_type(object schema) {
    element type;
    std::string_view word;
    if (schema.at_key("type").get(type)) return !schema.at_key("properties").error();
    if (!type.get(word)) return word == "object";
    simdjson::dom::array words;
    if (type.get(words)) return false;
    for (const element one : words)
        if (!one.get(word) && word == "object") return true;
    return false;
}

class Checker {
public:
    Why root(element schema) {
        object fields;
        element any_of;
        if (schema.get(fields)) return "schema must be a JSON Schema of 'type: \"object\"'.";
        if (!is_object_type(fields)) return "schema must be a JSON Schema of 'type: \"object\"'.";
        if (!fields.at_key("anyOf").get(any_of))
            return "In context=(), 'anyOf' is not permitted at the root.";
        return check(schema);
    }

private:
    Why check(element schema) {
        object fields;
        if (schema.get(fields)) return {};
        if (is_object_type(fields))
            if (auto why = check_object(fields)) return why;
        for (const std::string_view name : kMapsOfSchemas) {
            object map;
            if (fields.at_key(name).get(map)) continue;
            for (const auto [key, value] : map)
                if (auto why = below({name, key}, value)) return why;
        }
        for (const std::string_view name : kListsOfSchemas) {
            simdjson::dom::array list;
            if (fields.at_key(name).get(list)) continue;
            size_t index = 0;
            for (const element value : list)
                if (auto why = below({name, std::to_string(index++)}, value)) return why;
        }
        element items;
        if (!fields.at_key("items").get(items)) return below({std::string_view("items")}, items);
        return {};
    }

    Why check_object(object fields) const {
        bool additional = true;
        if (fields.at_key("additionalProperties").get(additional) || additional)
            return context() + "'additionalProperties' is required to be supplied and to be false.";
        object properties;
        if (fields.at_key("properties").get(properties)) return {};
        simdjson::dom::array required;
        const bool has_required = !fields.at_key("required").get(required);
        std::vector<std::string_view> names;
        if (has_required) {
            std::string_view name;
            for (const element value : required)
                if (!value.get(name)) names.push_back(name);
        }
        std::sort(names.begin(), names.end());
        for (const auto [name, value] : properties)
            if (!std::binary_search(names.begin(), names.end(), name))
                return context() +
                       "'required' is required to be supplied and to be an array including every "
                       "key in "
                       "properties. Missing '" +
                       abbreviated(name) + "'.";
        return {};
    }

    Why below(std::initializer_list<std::string_view> steps, element schema) {
        const size_t depth = path_.size();
        for (const std::string_view step : steps) path_.emplace_back(abbreviated(step));
        auto why = check(schema);
        path_.resize(depth);
        return why;
    }

    // A tuple as Python writes it: () or ('a',) or ('a', 'b').
    std::string context() const {
        std::string out = "In context=(";
        for (size_t i = 0; i < path_.size(); ++i) out += (i > 0 ? ", '" : "'") + path_[i] + "'";
        if (path_.size() == 1) out += ',';
        return out + "), ";
    }

    std::vector<std::string> path_;
};

}  // namespace

std::optional<std::string> strict_schema_fault(element schema) {
    return Checker().root(schema);
}

}  // namespace gateway
