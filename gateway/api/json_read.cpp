#include <algorithm>
#include <charconv>

#include "gateway/api/json_document.h"
#include "gateway/api/request_fields.h"

namespace gateway {

namespace {

using simdjson::dom::element;

template <class Number>
std::string number_text(Number value) {
    char digits[32];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    return std::string(digits, result.ptr);
}

}  // namespace

Fault read_integer(const JsonPlace& place, element value, int64_t minimum, int64_t maximum,
                   std::optional<int64_t>& out) {
    int64_t number = 0;
    if (value.is_uint64() && !value.is_int64())
        return wrong_type(place, "an integer of 64 bits", "a larger integer");
    if (!value.is_int64() || value.get(number))
        return wrong_type(place, "an integer", type_word(value));
    if (number < minimum)
        return below_minimum(place, "integer", number_text(minimum), number_text(number));
    if (number > maximum)
        return above_maximum(place, "integer", number_text(maximum), number_text(number));
    out = number;
    return {};
}

Fault read_decimal(const JsonPlace& place, element value, double minimum, double maximum,
                   std::optional<double>& out) {
    double number = 0;
    if (value.get(number)) return wrong_type(place, "a decimal", type_word(value));
    if (number < minimum)
        return below_minimum(place, "decimal", number_text(minimum), number_text(number));
    if (number > maximum)
        return above_maximum(place, "decimal", number_text(maximum), number_text(number));
    out = number;
    return {};
}

Fault read_boolean(const JsonPlace& place, element value, bool& out) {
    if (value.get(out)) return wrong_type(place, "a boolean", type_word(value));
    return {};
}

Fault read_string(const JsonPlace& place, element value, std::string_view& out) {
    if (value.get(out)) return wrong_type(place, "a string", type_word(value));
    return {};
}

Fault read_one_of(const JsonPlace& place, element value, std::span<const std::string_view> words,
                  std::string_view& out) {
    if (auto fault = read_string(place, value, out)) return fault;
    if (std::find(words.begin(), words.end(), out) == words.end())
        return invalid_value(place, out, words);
    return {};
}

Fault read_object(const JsonPlace& place, element value, simdjson::dom::object& out) {
    if (value.get(out)) return wrong_type(place, "an object", type_word(value));
    return {};
}

Fault read_array(const JsonPlace& place, element value, std::string_view kind,
                 simdjson::dom::array& out) {
    if (value.get(out)) return wrong_type(place, kind, type_word(value));
    return {};
}

Fault check_names(const JsonPlace& place, simdjson::dom::object object,
                  std::span<const std::string_view> names) {
    for (const auto [name, value] : object)
        if (std::find(names.begin(), names.end(), name) == names.end())
            return unknown_parameter(JsonPlace(place, name));
    return {};
}

std::optional<element> member(simdjson::dom::object object, std::string_view name) {
    element value;
    if (object.at_key(name).get(value) || value.is_null()) return std::nullopt;
    return value;
}

size_t n_code_points(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

}  // namespace gateway
