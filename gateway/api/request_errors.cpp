#include "gateway/api/request_errors.h"

#include "gateway/api/json_text.h"

namespace gateway {

namespace {

std::string in_quotes(std::string_view text) {
    return std::string("'").append(text).append("'");
}

// "'a', 'b', and 'c'".
std::string listed(std::span<const std::string_view> words) {
    std::string out;
    for (size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += words.size() > 2 ? ", " : " ";
        if (i > 0 && i + 1 == words.size()) out += "and ";
        out += in_quotes(words[i]);
    }
    return out;
}

ApiError out_of_range(const JsonPlace& place, std::string_view what, std::string_view relation,
                      std::string_view bound, std::string_view got) {
    const std::string path = place.text();
    std::string text = "Invalid " + in_quotes(path) + ": ";
    text.append(what)
        .append(" value. Expected a value ")
        .append(relation)
        .append(" ")
        .append(bound);
    text.append(", but got ").append(got).append(" instead.");
    return bad_request(std::move(text), path);
}

// Whole characters only.
std::string_view first_characters(std::string_view text, size_t n) {
    size_t at = 0;
    for (size_t i = 0; i < n && at < text.size(); ++i)
        at += std::max<size_t>(1, utf8_character(text.substr(at)));
    return text.substr(0, at);
}

std::string_view last_characters(std::string_view text, size_t n) {
    size_t at = text.size();
    for (size_t i = 0; i < n && at > 0; ++i) do
            --at;
        while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    return text.substr(at);
}

}  // namespace

std::string abbreviated(std::string_view text) {
    constexpr size_t kEchoBytesMax = 64, kEnd = 3;
    if (text.size() <= kEchoBytesMax) return std::string(text);
    std::string out(first_characters(text, kEnd));
    return out.append("...").append(last_characters(text, kEnd));
}

ApiError bad_request(std::string message, std::optional<std::string> param,
                     std::optional<std::string> code) {
    ApiError error;
    error.status = 400;
    error.message = std::move(message);
    error.param = std::move(param);
    error.code = std::move(code);
    return error;
}

ApiError missing_parameter(const JsonPlace& place) {
    const std::string path = place.text();
    return bad_request("Missing required parameter: " + in_quotes(path) + ".", path,
                       "missing_required_parameter");
}

ApiError unknown_parameter(const JsonPlace& place) {
    const std::string path = place.text();
    return bad_request("Unknown parameter: " + in_quotes(path) + ".", path, "unknown_parameter");
}

ApiError wrong_type(const JsonPlace& place, std::string_view expected, std::string_view got) {
    const std::string path = place.text();
    std::string text = "Invalid type for " + in_quotes(path) + ": expected ";
    text.append(expected).append(", but got ").append(got).append(" instead.");
    return bad_request(std::move(text), path, "invalid_type");
}

ApiError empty_array(const JsonPlace& place) {
    const std::string path = place.text();
    return bad_request(
        "Invalid " + in_quotes(path) +
            ": empty array. Expected an array with minimum length 1, but got an empty "
            "array instead.",
        path, "empty_array");
}

ApiError below_minimum(const JsonPlace& place, std::string_view kind, std::string_view minimum,
                       std::string_view got) {
    ApiError error = out_of_range(place, std::string(kind) + " below minimum", ">=", minimum, got);
    error.code = std::string(kind) + "_below_min_value";
    return error;
}

ApiError above_maximum(const JsonPlace& place, std::string_view kind, std::string_view maximum,
                       std::string_view got) {
    ApiError error = out_of_range(place, std::string(kind) + " above maximum", "<=", maximum, got);
    error.code = std::string(kind) + "_above_max_value";
    return error;
}

ApiError string_too_long(const JsonPlace& place, size_t n_max, size_t n) {
    const std::string path = place.text();
    return bad_request("Invalid " + in_quotes(path) +
                           ": string too long. Expected a string with maximum length " +
                           std::to_string(n_max) + ", but got a string with length " +
                           std::to_string(n) + " instead.",
                       path, "string_above_max_length");
}

ApiError invalid_value(const JsonPlace& place, std::string_view value,
                       std::span<const std::string_view> supported) {
    return bad_request("Invalid value: " + in_quotes(abbreviated(value)) +
                           ". Supported values are: " + listed(supported) + ".",
                       place.text(), "invalid_value");
}

ApiError unsupported_value(const JsonPlace& place, std::string message) {
    return bad_request("Unsupported value: " + std::move(message), place.text(),
                       "unsupported_value");
}

}  // namespace gateway
