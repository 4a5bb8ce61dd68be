#pragma once
// The texts, params and codes of a 400 about a request's body (openai-wire 1.7).
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "gateway/api/api_error.h"
#include "gateway/api/json_place.h"

namespace gateway {

using Fault = std::optional<ApiError>;  // nothing: the value is as it should be

ApiError bad_request(std::string message, std::optional<std::string> param = std::nullopt,
                     std::optional<std::string> code = std::nullopt);
ApiError missing_parameter(const JsonPlace& place);
ApiError unknown_parameter(const JsonPlace& place);
// `expected`: "a string", "an array of objects"; `got`: as type_word() says it.
ApiError wrong_type(const JsonPlace& place, std::string_view expected, std::string_view got);
ApiError empty_array(const JsonPlace& place);
// `kind` is integer or decimal.
ApiError below_minimum(const JsonPlace& place, std::string_view kind, std::string_view minimum,
                       std::string_view got);
ApiError above_maximum(const JsonPlace& place, std::string_view kind, std::string_view maximum,
                       std::string_view got);
ApiError string_too_long(const JsonPlace& place, size_t n_max, size_t n);
ApiError invalid_value(const JsonPlace& place, std::string_view value,
                       std::span<const std::string_view> supported);
// A value that the vendor takes and this gateway cannot serve or price.
ApiError unsupported_value(const JsonPlace& place, std::string message);

// What is echoed of a client's text: long ones as their first and last three characters.
std::string abbreviated(std::string_view text);

}  // namespace gateway
