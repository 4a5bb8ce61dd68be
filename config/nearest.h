#pragma once
// "Did you mean": the known word that a mistyped one was most likely meant to be.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

// The word at the smallest edit distance (insert, delete, replace, swap of neighbours), if it is
// small for the length of `word`; the first of equals.
std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& known);

// "; did you mean price?" if one is near, else "; known here: a, b, c", else "".
std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace config
