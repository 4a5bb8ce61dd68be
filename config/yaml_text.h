#pragma once
// What is wrong with the bytes of a file before any YAML is read.
#include <string_view>

namespace config {

class Refusals;

// False, and one refusal, unless the text is UTF-8 without a byte order mark or control characters,
// indented with blanks, without directives, and of at most kFileBytesMax bytes; and unless so many
// brackets stand open that the scanner would hold a token for each.
bool check_text(std::string_view text, Refusals& refusals);

// The length of the UTF-8 sequence at the front of `text`, 0 if there is none: no overlong form, no
// surrogate, nothing above U+10FFFF.
size_t utf8_length(std::string_view text);

}  // namespace config
