#pragma once
// Where and why a text is not JSON. The fast parser says only that it is not; this one is asked
// then.
#include <cstddef>
#include <optional>
#include <string_view>

namespace gateway {

struct JsonFault {
    size_t at;  // the offset of the first byte that does not fit
    std::string_view what;
    bool is_depth = false;
};

// RFC 8259, in valid UTF-8, without lone surrogates, integers within 64 bits, other numbers within
// a double, at most `depth_max` containers deep. Nothing: the text is that.
std::optional<JsonFault> find_json_fault(std::string_view text, size_t depth_max);

}  // namespace gateway
