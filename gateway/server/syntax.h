#pragma once
// The small grammars of HTTP that framing, target and answer share (RFC 9110 and 3986). Pure
// functions.
#include <string_view>

namespace gateway {

inline char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case);

// One or more token characters: a method, a field name.
bool is_token(std::string_view text);
// No control character but the tab.
bool is_field_value(std::string_view text);
// "name", "127.0.0.1:8080", "[::1]:8080"; never empty.
bool is_host(std::string_view text);

// The value of a hexadecimal digit, or -1.
inline int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace gateway
