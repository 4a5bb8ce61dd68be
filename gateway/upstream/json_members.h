#pragma once
// Members of parsed objects that upstreams may leave out. For .cpp files only.
#include <simdjson.h>

#include <cstdint>
#include <string_view>

namespace gateway {

// Empty if there is no such text.
inline std::string_view text_of(const simdjson::dom::object& from, std::string_view key) {
    std::string_view text;
    if (from[key].get(text)) return {};
    return text;
}

// -1 if there is no such whole number.
inline int64_t number_of(const simdjson::dom::object& from, std::string_view key) {
    int64_t number = 0;
    if (from[key].get(number)) return -1;
    return number;
}

}  // namespace gateway
