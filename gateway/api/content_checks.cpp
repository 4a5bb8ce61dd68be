#include "gateway/api/content_checks.h"

#include <algorithm>

namespace gateway {

namespace {

using simdjson::dom::element;

constexpr std::array<std::string_view, 1> kTextOnly = {"text"};
constexpr std::array<std::string_view, 2> kOfAssistant = {"text", "refusal"};
constexpr std::array<std::string_view, 4> kOfUser = {"text", "image_url", "input_audio", "file"};
constexpr std::array<std::string_view, 3> kDetails = {"auto", "low", "high"};
constexpr std::array<std::string_view, 2> kAudioFormats = {"wav", "mp3"};

std::span<const std::string_view> types_of(std::string_view role) {
    if (role == "user") return kOfUser;
    if (role == "assistant") return kOfAssistant;
    return kTextOnly;
}

Fault required_string(const JsonPlace& place, simdjson::dom::object object, std::string_view name,
                      std::string_view& out) {
    const auto value = member(object, name);
    if (!value) return missing_parameter({place, name});
    return read_string({place, name}, *value, out);
}

Fault open(const JsonPlace& place, simdjson::dom::object part, std::string_view name,
           std::span<const std::string_view> names, simdjson::dom::object& out) {
    const JsonPlace here(place, name);
    const auto value = member(part, name);
    if (!value) return missing_parameter(here);
    if (auto fault = read_object(here, *value, out)) return fault;
    return check_names(here, out, names);
}

Fault image(const JsonPlace& place, simdjson::dom::object part, ContentPart& out) {
    constexpr std::array<std::string_view, 2> kNames = {"url", "detail"};
    const JsonPlace here(place, "image_url");
    simdjson::dom::object body;
    std::string_view detail;
    if (auto fault = open(place, part, "image_url", kNames, body)) return fault;
    if (auto fault = required_string(here, body, "url", out.url)) return fault;
    out.is_image = out.is_media = true;
    const auto given = member(body, "detail");
    return given ? read_one_of({here, "detail"}, *given, kDetails, detail) : Fault();
}

Fault audio(const JsonPlace& place, simdjson::dom::object part, ContentPart& out) {
    constexpr std::array<std::string_view, 2> kNames = {"data", "format"};
    const JsonPlace here(place, "input_audio");
    simdjson::dom::object body;
    std::string_view text;
    if (auto fault = open(place, part, "input_audio", kNames, body)) return fault;
    if (auto fault = required_string(here, body, "data", text)) return fault;
    out.is_media = true;
    const auto format = member(body, "format");
    if (!format) return missing_parameter({here, "format"});
    return read_one_of({here, "format"}, *format, kAudioFormats, text);
}

}  // namespace

Fault read_part(const JsonPlace& place, element value, std::string_view role, ContentPart& out) {
    simdjson::dom::object part;
    std::string_view type;
    if (auto fault = read_object(place, value, part)) return fault;
    const auto given = member(part, "type");
    if (!given) return missing_parameter({place, "type"});
    if (auto fault = read_one_of({place, "type"}, *given, types_of(role), type)) return fault;
    // A document is rendered by the vendor, page by page: its tokens have no bound here, so it has
    // no hold.
    if (type == "file")
        return unsupported_value(
            {place, "type"},
            "parts of type 'file' cannot be held against funds. Send the text of the file.");
    const std::array<std::string_view, 4> names = {"type", type, "cache_control",
                                                   "prompt_cache_breakpoint"};
    if (auto fault = check_names(place, part, names)) return fault;
    if (type == "image_url") return image(place, part, out);
    if (type == "input_audio") return audio(place, part, out);
    return required_string(place, part, type, out.text);
}

bool says_json(std::string_view text) {
    constexpr std::string_view kWord = "json";
    const auto found = std::search(text.begin(), text.end(), kWord.begin(), kWord.end(),
                                   [](char a, char lower) { return (a | 0x20) == lower; });
    return found != text.end();
}

}  // namespace gateway
