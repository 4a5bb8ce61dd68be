#pragma once
// JSON written by hand, where a serialiser would cost more than the text.
#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

// `text` as a JSON string, quotes included. Always valid UTF-8: a byte that is not part of a
// character becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// A string, or null when there is none.
void append_json_string_or_null(std::string& out, const std::string* text);
void append_number(std::string& out, int64_t value);
// The shortest text that reads back as the same float; what is not finite, or less, is -9999.0.
void append_logprob(std::string& out, float value);

// The length of the character that `text` begins with, or 0 where it begins with none.
size_t utf8_character(std::string_view text);

}  // namespace gateway
