#pragma once
// JSON of foreign files, parsed for belief: valid UTF-8, no member twice, bounded depth, nothing
// behind it.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace engine {

// The error is one line that says what and where. depth_max >= 1 counts arrays and objects.
tl::expected<nlohmann::json, std::string> parse_json_strict(std::string_view text, int depth_max);

// `text` for a one-line message: control and non-ASCII bytes escaped, cut to a readable length, in
// quotes.
std::string in_quotes(std::string_view text);

}  // namespace engine
