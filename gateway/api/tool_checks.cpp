#include "gateway/api/tool_checks.h"

#include <algorithm>

#include "gateway/api/json_document.h"
#include "gateway/api/message_fields.h"
#include "gateway/api/strict_schema.h"

namespace gateway {

namespace {

using simdjson::dom::element;

constexpr size_t kFunctionsMax = 128;
constexpr size_t kNameBytesMax = 64;

Fault check_name(const JsonPlace& place, simdjson::dom::object object, std::string_view& name) {
    const JsonPlace here(place, "name");
    const auto value = member(object, "name");
    if (!value) return missing_parameter(here);
    if (auto fault = read_string(here, *value, name)) return fault;
    if (name.size() > kNameBytesMax)
        return string_too_long(here, kNameBytesMax, n_code_points(name));
    if (!is_tool_name(name))
        return bad_request(
            "Invalid '" + here.text() +
                "': string does not match pattern. Expected a string that matches the pattern "
                "'^[a-zA-Z0-9_-]+$'.",
            here.text(), "invalid_value");
    return {};
}

Fault check_function(const JsonPlace& place, element value, std::string_view& name) {
    constexpr std::array<std::string_view, 4> kNames = {"name", "description", "parameters",
                                                        "strict"};
    simdjson::dom::object object, parameters;
    std::string_view text;
    bool strict = false;
    if (auto fault = read_object(place, value, object)) return fault;
    if (auto fault = check_name(place, object, name)) return fault;
    if (auto fault = check_names(place, object, kNames)) return fault;
    if (const auto description = member(object, "description"))
        if (auto fault = read_string({place, "description"}, *description, text)) return fault;
    if (const auto given = member(object, "strict"))
        if (auto fault = read_boolean({place, "strict"}, *given, strict)) return fault;
    const auto given = member(object, "parameters");
    if (!given) return {};
    const JsonPlace here(place, "parameters");
    if (auto fault = read_object(here, *given, parameters)) return fault;
    if (!strict) return {};
    const auto why = strict_schema_fault(*given);
    if (!why) return {};
    return bad_request("Invalid schema for function '" + std::string(name) + "': " + *why,
                       here.text(), "invalid_function_parameters");
}

Fault check_custom(const JsonPlace& place, element value, std::string_view& name) {
    constexpr std::array<std::string_view, 3> kNames = {"name", "description", "format"};
    simdjson::dom::object object;
    if (auto fault = read_object(place, value, object)) return fault;
    if (auto fault = check_name(place, object, name)) return fault;
    return check_names(place, object, kNames);
}

Fault check_tool(const JsonPlace& place, element value, std::string_view& name, bool& custom) {
    simdjson::dom::object tool;
    std::string_view type;
    if (auto fault = read_object(place, value, tool)) return fault;
    const auto given_type = member(tool, "type");
    if (!given_type) return missing_parameter({place, "type"});
    if (auto fault = read_one_of({place, "type"}, *given_type, kToolTypes, type)) return fault;
    const JsonPlace here(place, type);
    const auto body = member(tool, type);
    if (!body) return missing_parameter(here);
    const std::array<std::string_view, 3> names = {"type", type, "cache_control"};
    if (auto fault = check_names(place, tool, names)) return fault;
    custom = type == "custom";
    return custom ? check_custom(here, *body, name) : check_function(here, *body, name);
}

class Tools {
public:
    explicit Tools(const RequestFields& fields) : fields_(fields) {}

    Fault functions() {
        const element* const value = fields_.find(Field::functions);
        if (!value) return {};
        const JsonPlace place("functions");
        simdjson::dom::array functions;
        if (auto fault = read_array(place, *value, "an array of objects", functions)) return fault;
        if (functions.begin() == functions.end()) return empty_array(place);
        size_t index = 0;
        for (const element function : functions) {
            std::string_view name;
            has_custom_ = true;
            if (index == kFunctionsMax)
                return bad_request(
                    "Invalid 'functions': array too long. Expected an array with maximum "
                    "length 128.",
                    "functions", "array_above_max_length");
            if (auto fault = check_function({place, index++}, function, name)) return fault;
            function_names_.push_back(name);
        }
        return {};
    }

    Fault function_call() const {
        constexpr std::array<std::string_view, 2> kWords = {"none", "auto"};
        const element* const value = fields_.find(Field::function_call);
        if (!value) return {};
        const JsonPlace place("function_call");
        std::string_view text;
        if (value->is_string()) return read_one_of(place, *value, kWords, text);
        simdjson::dom::object object;
        if (value->get(object))
            return wrong_type(place, "one of a string or object", type_word(*value));
        const auto name = member(object, "name");
        if (!name) return missing_parameter({place, "name"});
        if (auto fault = read_string({place, "name"}, *name, text)) return fault;
        return must_be_known({place, "name"}, text, function_names_, "functions");
    }

    Fault tools() {
        const element* const value = fields_.find(Field::tools);
        if (!value) return {};
        const JsonPlace place("tools");
        simdjson::dom::array tools;
        if (auto fault = read_array(place, *value, "an array of objects", tools)) return fault;
        size_t index = 0;
        for (const element tool : tools) {
            std::string_view name;
            bool custom = false;
            if (auto fault = check_tool({place, index++}, tool, name, custom)) return fault;
            has_custom_ |= custom;
            tool_names_.push_back(name);
        }
        return {};
    }

    Fault tool_choice() const {
        constexpr std::array<std::string_view, 3> kWords = {"none", "auto", "required"};
        const element* const value = fields_.find(Field::tool_choice);
        if (!value) return {};
        const JsonPlace place("tool_choice");
        simdjson::dom::object object;
        std::string_view text;
        if (value->is_string()) {
            if (auto fault = read_one_of(place, *value, kWords, text)) return fault;
            if (text != "required" || !tool_names_.empty()) return {};
            return only_with_tools("tool_choice");
        }
        if (value->get(object))
            return wrong_type(place, "one of one of 'none', 'auto', or 'required' or object",
                              type_word(*value));
        return forced(place, object);
    }

    Fault parallel_tool_calls() const {
        bool parallel = true;
        if (auto fault = fields_.boolean(Field::parallel_tool_calls, parallel)) return fault;
        if (!fields_.find(Field::parallel_tool_calls) || fields_.find(Field::tools)) return {};
        return only_with_tools("parallel_tool_calls");
    }

    bool has_custom() const { return has_custom_; }
    size_t size() const { return function_names_.size() + tool_names_.size(); }

private:
    static Fault only_with_tools(const std::string& name) {
        return bad_request("Invalid value for '" + name + "': '" + name +
                               "' is only allowed when 'tools' are specified.",
                           name);
    }

    static Fault must_be_known(const JsonPlace& place, std::string_view name,
                               const std::vector<std::string_view>& known, std::string_view where) {
        if (std::find(known.begin(), known.end(), name) != known.end()) return {};
        const std::string path = place.text();
        return bad_request("Invalid value for '" + path + "': '" + abbreviated(name) +
                               "' is not among the given '" + std::string(where) + "'.",
                           path, "invalid_value");
    }

    // {"type":"function","function":{"name":...}}, the same with "custom", or a list of those.
    Fault forced(const JsonPlace& place, simdjson::dom::object choice) const {
        constexpr std::array<std::string_view, 3> kTypes = {"function", "custom", "allowed_tools"};
        simdjson::dom::object body;
        std::string_view type, name;
        const auto given_type = member(choice, "type");
        if (!given_type) return missing_parameter({place, "type"});
        if (auto fault = read_one_of({place, "type"}, *given_type, kTypes, type)) return fault;
        const JsonPlace here(place, type);
        const auto given = member(choice, type);
        if (!given) return missing_parameter(here);
        if (auto fault = read_object(here, *given, body)) return fault;
        if (type == "allowed_tools") return allowed(here, body);
        const auto given_name = member(body, "name");
        if (!given_name) return missing_parameter({here, "name"});
        if (auto fault = read_string({here, "name"}, *given_name, name)) return fault;
        return must_be_known({here, "name"}, name, tool_names_, "tools");
    }

    Fault allowed(const JsonPlace& place, simdjson::dom::object body) const {
        constexpr std::array<std::string_view, 2> kModes = {"auto", "required"};
        std::string_view mode;
        const auto given_mode = member(body, "mode");
        if (!given_mode) return missing_parameter({place, "mode"});
        if (auto fault = read_one_of({place, "mode"}, *given_mode, kModes, mode)) return fault;
        const JsonPlace here(place, "tools");
        const auto given = member(body, "tools");
        if (!given) return missing_parameter(here);
        simdjson::dom::array tools;
        if (auto fault = read_array(here, *given, "an array of objects", tools)) return fault;
        size_t index = 0;
        for (const element tool : tools) {
            simdjson::dom::object object;
            const JsonPlace at(here, index++);
            if (auto fault = read_object(at, tool, object)) return fault;
            if (auto fault = forced(at, object)) return fault;
        }
        return {};
    }

    const RequestFields& fields_;
    std::vector<std::string_view> function_names_, tool_names_;
    bool has_custom_ = false;
};

}  // namespace

bool is_tool_name(std::string_view name) {
    const auto is_part = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= kNameBytesMax &&
           std::all_of(name.begin(), name.end(), is_part);
}

Fault check_tools(const RequestFields& fields, ToolFacts& facts) {
    Tools tools(fields);
    if (auto fault = tools.functions()) return fault;
    if (auto fault = tools.function_call()) return fault;
    if (auto fault = tools.tools()) return fault;
    if (auto fault = tools.tool_choice()) return fault;
    if (auto fault = tools.parallel_tool_calls()) return fault;
    facts.n_tools = static_cast<int64_t>(tools.size());
    facts.has_custom = tools.has_custom();
    facts.has_functions = fields.find(Field::functions) != nullptr;
    return {};
}

}  // namespace gateway
