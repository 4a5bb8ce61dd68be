#pragma once
// Members of parsed objects that upstreams may leave out. For .cpp files only.
#include <simdjson.h>

#include <string_view>

namespace gateway {

// Empty if there is no such text.
inline std::string_view text_of(const simdjson::dom::object& from, std::string_view key) {
    std::string_view text;
    if (from[key].get(text)) return {};
    return text;
}

}  // namespace gateway
