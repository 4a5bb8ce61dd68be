#include "gateway/api/option_checks.h"

#include "gateway/api/json_document.h"
#include "gateway/api/strict_schema.h"
#include "gateway/api/tool_checks.h"

namespace gateway {

namespace {

using simdjson::dom::element;

constexpr size_t kSafetyIdentifierMax = 64;
constexpr size_t kMetadataPairsMax = 16, kMetadataKeyMax = 64, kMetadataValueMax = 512;

ApiError unsupported_parameter(Field field) {
    const std::string name(to_string(field));
    return bad_request("Unsupported parameter: '" + name + "' is not supported with this model.",
                       name, "unsupported_parameter");
}

std::optional<std::string_view> format_type(const RequestFields& fields) {
    const element* const value = fields.find(Field::response_format);
    simdjson::dom::object object;
    std::string_view type;
    if (!value || value->get(object)) return std::nullopt;
    const auto given = member(object, "type");
    if (!given || given->get(type)) return std::nullopt;
    return type;
}

Fault check_json_schema(simdjson::dom::object format) {
    constexpr std::array<std::string_view, 4> kNames = {"name", "schema", "strict", "description"};
    constexpr size_t kNameMax = 64;
    const JsonPlace outer("response_format"), place(outer, "json_schema");
    simdjson::dom::object body;
    std::string_view name, description;
    bool strict = false;
    const auto given = member(format, "json_schema");
    if (!given) return missing_parameter(place);
    if (auto fault = read_object(place, *given, body)) return fault;
    const auto given_name = member(body, "name");
    if (!given_name) return missing_parameter({place, "name"});
    if (auto fault = read_string({place, "name"}, *given_name, name)) return fault;
    if (name.size() > kNameMax)
        return string_too_long({place, "name"}, kNameMax, n_code_points(name));
    if (!is_tool_name(name))
        return bad_request(
            "Invalid 'response_format.json_schema.name': string does not match pattern. Expected "
            "a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            "response_format.json_schema.name", "invalid_value");
    if (auto fault = check_names(place, body, kNames)) return fault;
    if (const auto text = member(body, "description"))
        if (auto fault = read_string({place, "description"}, *text, description)) return fault;
    if (const auto flag = member(body, "strict"))
        if (auto fault = read_boolean({place, "strict"}, *flag, strict)) return fault;
    const auto schema = member(body, "schema");
    if (!schema) return strict ? Fault(missing_parameter({place, "schema"})) : Fault();
    simdjson::dom::object object;
    if (auto fault = read_object({place, "schema"}, *schema, object)) return fault;
    if (!strict) return {};
    const auto why = strict_schema_fault(*schema);
    if (!why) return {};
    return bad_request("Invalid schema for response_format '" + std::string(name) + "': " + *why,
                       "response_format");
}

Fault check_metadata(const RequestFields& fields) {
    const element* const value = fields.find(Field::metadata);
    if (!value) return {};
    const JsonPlace place("metadata");
    simdjson::dom::object map;
    if (auto fault = read_object(place, *value, map)) return fault;
    if (map.size() > kMetadataPairsMax)
        return bad_request(
            "Invalid 'metadata': too many properties. Expected an object with at most 16 "
            "properties, but got an object with " +
                std::to_string(map.size()) + " properties instead.",
            "metadata", "object_above_max_properties");
    for (const auto [key, item] : map) {
        std::string_view text;
        const JsonPlace here(place, key);
        if (n_code_points(key) > kMetadataKeyMax)
            return bad_request("Invalid property name in 'metadata': '" + abbreviated(key) +
                                   "' is too long. Expected a maximum length of 64.",
                               "metadata", "property_name_above_max_length");
        if (auto fault = read_string(here, item, text)) return fault;
        if (n_code_points(text) > kMetadataValueMax)
            return string_too_long(here, kMetadataValueMax, n_code_points(text));
    }
    return {};
}

Fault check_prediction(const RequestFields& fields) {
    constexpr std::array<std::string_view, 2> kNames = {"type", "content"};
    constexpr std::array<std::string_view, 1> kTypes = {"content"};
    const element* const value = fields.find(Field::prediction);
    if (!value) return {};
    const JsonPlace place("prediction");
    simdjson::dom::object object;
    std::string_view text;
    if (auto fault = read_object(place, *value, object)) return fault;
    if (auto fault = check_names(place, object, kNames)) return fault;
    const auto type = member(object, "type");
    if (!type) return missing_parameter({place, "type"});
    if (auto fault = read_one_of({place, "type"}, *type, kTypes, text)) return fault;
    const auto content = member(object, "content");
    if (!content) return missing_parameter({place, "content"});
    if (content->is_string() || content->is_array()) return {};
    return wrong_type({place, "content"}, "one of a string or array of objects",
                      type_word(*content));
}

}  // namespace

bool wants_json_word(const RequestFields& fields) {
    return format_type(fields) == "json_object";
}

bool wants_json_schema(const RequestFields& fields) {
    return format_type(fields) == "json_schema";
}

Fault check_identity_and_cache(const RequestFields& fields) {
    constexpr std::array<std::string_view, 2> kModeratorNames = {"model", "policy"};
    constexpr std::array<std::string_view, 2> kCacheNames = {"mode", "ttl"};
    constexpr std::array<std::string_view, 2> kRetentions = {"in_memory", "24h"};
    std::string_view text;
    simdjson::dom::object object;
    if (const element* const value = fields.find(Field::moderation)) {
        const JsonPlace place("moderation");
        if (auto fault = read_object(place, *value, object)) return fault;
        if (auto fault = check_names(place, object, kModeratorNames)) return fault;
        if (!member(object, "model")) return missing_parameter({place, "model"});
    }
    if (auto fault = fields.string(Field::safety_identifier, text)) return fault;
    if (n_code_points(text) > kSafetyIdentifierMax)
        return string_too_long(JsonPlace("safety_identifier"), kSafetyIdentifierMax,
                               n_code_points(text));
    if (const element* const value = fields.find(Field::prompt_cache_options)) {
        const JsonPlace place("prompt_cache_options");
        if (auto fault = read_object(place, *value, object)) return fault;
        if (auto fault = check_names(place, object, kCacheNames)) return fault;
    }
    if (auto fault = fields.string(Field::prompt_cache_key, text)) return fault;
    return fields.one_of(Field::prompt_cache_retention, kRetentions, text);
}

Fault check_response_format(const RequestFields& fields, bool messages_say_json) {
    constexpr std::array<std::string_view, 3> kTypes = {"text", "json_object", "json_schema"};
    const element* const value = fields.find(Field::response_format);
    if (!value) return {};
    const JsonPlace place("response_format");
    simdjson::dom::object object;
    std::string_view type;
    if (auto fault = read_object(place, *value, object)) return fault;
    const auto given = member(object, "type");
    if (!given) return missing_parameter({place, "type"});
    if (auto fault = read_one_of({place, "type"}, *given, kTypes, type)) return fault;
    const std::array<std::string_view, 2> names = {"type", type == "json_schema" ? type : "type"};
    if (auto fault = check_names(place, object, names)) return fault;
    if (type == "json_schema") return check_json_schema(object);
    if (type == "json_object" && !messages_say_json)
        return bad_request(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'.",
            "messages");
    return {};
}

// Whether a tier is priced shows when the request is planned.
Fault check_service_tier(const RequestFields& fields, ChatRequest& request) {
    constexpr std::array<std::string_view, 6> kTiers = {"auto",  "default",  "flex",
                                                        "scale", "priority", "fast"};
    std::string_view tier = "auto";
    if (auto fault = fields.one_of(Field::service_tier, kTiers, tier)) return fault;
    if (tier == "fast") tier = "priority";  // two words for one tier
    request.service_tier = config::parse_service_tier(tier).value_or(config::ServiceTier::standard);
    return {};
}

Fault check_stream(const RequestFields& fields, ChatRequest& request) {
    constexpr std::array<std::string_view, 2> kNames = {"include_usage", "include_obfuscation"};
    if (auto fault = fields.boolean(Field::stream, request.stream)) return fault;
    const element* const value = fields.find(Field::stream_options);
    if (!value) return {};
    const JsonPlace place("stream_options");
    simdjson::dom::object object;
    if (auto fault = read_object(place, *value, object)) return fault;
    if (auto fault = check_names(place, object, kNames)) return fault;
    if (const auto flag = member(object, "include_usage"))
        if (auto fault = read_boolean({place, "include_usage"}, *flag, request.include_usage))
            return fault;
    if (const auto flag = member(object, "include_obfuscation"))
        if (auto fault =
                read_boolean({place, "include_obfuscation"}, *flag, request.include_obfuscation))
            return fault;
    if (request.stream) return {};
    return bad_request("The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                       "stream_options");
}

Fault check_rest(const RequestFields& fields) {
    constexpr std::array<std::string_view, 3> kVerbosities = {"low", "medium", "high"};
    bool store = false;
    std::string_view word;
    if (auto fault = fields.boolean(Field::store, store)) return fault;
    if (auto fault = check_metadata(fields)) return fault;
    if (auto fault = check_prediction(fields)) return fault;
    return fields.one_of(Field::verbosity, kVerbosities, word);
}

Fault check_unsupported(const RequestFields& fields) {
    // Spoken output and web searches have prices that no price of the config states.
    for (const Field field : {Field::audio, Field::web_search_options})
        if (fields.find(field)) return unsupported_parameter(field);
    const element* const value = fields.find(Field::modalities);
    if (!value) return {};
    const JsonPlace place("modalities");
    constexpr std::array<std::string_view, 1> kSupported = {"text"};
    simdjson::dom::array list;
    size_t index = 0;
    if (auto fault = read_array(place, *value, "an array of strings", list)) return fault;
    for (const element item : list) {
        std::string_view word;
        if (auto fault = read_one_of({place, index++}, item, kSupported, word)) return fault;
    }
    return {};
}

}  // namespace gateway
