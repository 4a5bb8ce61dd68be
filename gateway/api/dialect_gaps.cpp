#include "gateway/api/dialect_gaps.h"

#include <algorithm>
#include <array>

namespace gateway {

namespace {

using simdjson::dom::element;

std::string_view first_of(const RequestFields& fields, std::span<const Field> list) {
    for (const Field field : list)
        if (fields.find(field)) return to_string(field);
    return {};
}

// A schema is what the Messages API holds an answer to: without one it holds it to nothing.
std::string_view missing_format(const RequestFields& fields) {
    const element* const format = fields.find(Field::response_format);
    simdjson::dom::object object;
    std::string_view type;
    if (!format || format->get(object) || object["type"].get(type) || type == "text") return {};
    if (type == "json_object") return "response_format of type json_object";
    const auto given = member(object, "json_schema");
    simdjson::dom::object body;
    const bool has_schema = given && !given->get(body) && member(body, "schema").has_value();
    return has_schema ? std::string_view() : "response_format without a schema";
}

bool is_blank(const std::string& stop) {
    return stop.find_first_not_of(" \t\r\n\f\v") == stop.npos;
}

}  // namespace

std::string_view missing_in_responses(const RequestFields& fields, const ChatRequest& request) {
    if (request.n_choices > 1) return "n above 1";
    if (!request.sampling.stop.empty()) return to_string(Field::stop);
    constexpr std::array kChatOnly = {
        Field::audio, Field::min_p, Field::prediction,        Field::repetition_penalty,
        Field::seed,  Field::top_k, Field::web_search_options};
    return first_of(fields, kChatOnly);
}

std::string_view missing_in_messages(const RequestFields& fields, const ChatRequest& request) {
    if (request.n_choices > 1) return "n above 1";
    constexpr std::array kChatOnly = {Field::audio,
                                      Field::min_p,
                                      Field::moderation,
                                      Field::prediction,
                                      Field::seed,
                                      Field::repetition_penalty,
                                      Field::web_search_options};
    if (const auto name = first_of(fields, kChatOnly); !name.empty()) return name;
    std::string_view verbosity = "medium";  // what every model does by itself
    if (const element* const value = fields.find(Field::verbosity);
        value && !value->get(verbosity) && verbosity != "medium")
        return "verbosity other than medium";
    if (request.service_tier != config::ServiceTier::standard)
        return "service_tier other than auto and default";
    if (std::ranges::any_of(request.sampling.stop, is_blank)) return "stop of blanks alone";
    return missing_format(fields);
}

}  // namespace gateway
