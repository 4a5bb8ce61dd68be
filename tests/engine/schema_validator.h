#pragma once
// A plain reading of JSON Schema, keyword by keyword, to hold the compiled one against.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace engine {

using OrderedJson = nlohmann::ordered_json;

class SchemaValidator {
public:
    explicit SchemaValidator(OrderedJson root) : root_(std::move(root)) {}

    bool holds(const OrderedJson& value) const { return holds(root_, value); }

    // A schema that asks itself about the same value adds nothing to it.
    bool holds(const OrderedJson& schema, const OrderedJson& value) const {
        const std::pair<const void*, const void*> question(&schema, &value);
        if (std::find(asked_.begin(), asked_.end(), question) != asked_.end()) return false;
        asked_.push_back(question);
        const bool answer = holds_now(schema, value);
        asked_.pop_back();
        return answer;
    }

private:
    bool holds_now(const OrderedJson& schema, const OrderedJson& value) const {
        if (schema.is_boolean()) return schema.get<bool>();
        if (schema.contains("$ref") && !holds(referred(schema.at("$ref")), value)) return false;
        if (schema.contains("type") && !is_of_types(schema.at("type"), value)) return false;
        if (schema.contains("const") && schema.at("const") != value) return false;
        if (schema.contains("enum") &&
            !any(schema.at("enum"), [&](const OrderedJson& one) { return one == value; })) {
            return false;
        }
        if (schema.contains("anyOf") &&
            !any(schema.at("anyOf"), [&](const OrderedJson& one) { return holds(one, value); })) {
            return false;
        }
        if (schema.contains("allOf") &&
            any(schema.at("allOf"), [&](const OrderedJson& one) { return !holds(one, value); })) {
            return false;
        }
        if (value.is_object() && !object_holds(schema, value)) return false;
        return !value.is_array() || array_holds(schema, value);
    }

    template <class Take>
    static bool any(const OrderedJson& list, Take&& take) {
        return std::any_of(list.begin(), list.end(), take);
    }

    const OrderedJson& referred(const std::string& ref) const {
        return root_.at(OrderedJson::json_pointer(ref.substr(1)));
    }

    static bool is_of_types(const OrderedJson& types, const OrderedJson& value) {
        if (types.is_string()) return is_of_type(types, value);
        return any(types, [&](const OrderedJson& type) { return is_of_type(type, value); });
    }

    static bool is_of_type(const std::string& type, const OrderedJson& value) {
        if (type == "null") return value.is_null();
        if (type == "boolean") return value.is_boolean();
        if (type == "integer") return is_whole(value);
        if (type == "number") return value.is_number();
        if (type == "string") return value.is_string();
        if (type == "array") return value.is_array();
        return type == "object" && value.is_object();
    }

    // 200 digits are read as a double.
    static bool is_whole(const OrderedJson& value) {
        return value.is_number_integer() ||
               (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()));
    }

    bool object_holds(const OrderedJson& schema, const OrderedJson& value) const {
        const OrderedJson none = OrderedJson::object();
        const OrderedJson& properties =
            schema.contains("properties") ? schema.at("properties") : none;
        if (schema.contains("required") && any(schema.at("required"), [&](const OrderedJson& name) {
                return !value.contains(name.get<std::string>());
            })) {
            return false;
        }
        for (const auto& [name, member] : value.items()) {
            if (properties.contains(name)) {
                if (!holds(properties.at(name), member)) return false;
            } else if (schema.contains("additionalProperties") &&
                       !holds(schema.at("additionalProperties"), member)) {
                return false;
            }
        }
        return true;
    }

    bool array_holds(const OrderedJson& schema, const OrderedJson& value) const {
        if (value.size() < schema.value("minItems", size_t{0})) return false;
        if (value.size() > schema.value("maxItems", SIZE_MAX)) return false;
        return !schema.contains("items") || !any(value, [&](const OrderedJson& item) {
            return !holds(schema.at("items"), item);
        });
    }

    const OrderedJson root_;
    mutable std::vector<std::pair<const void*, const void*>> asked_;
};

}  // namespace engine
