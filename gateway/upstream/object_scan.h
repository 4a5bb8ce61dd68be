#pragma once
// Where the parts of a JSON text stand, so that single ones can be replaced while the rest keeps
// its bytes. For texts that a parser has accepted; any other text gives some spans inside it, never
// a crash.
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/chat_request.h"

namespace gateway {

// Whether JSON allows `c` between its tokens.
bool is_json_blank(char c);

// The members of the object that is `text` (blanks around it allowed).
std::vector<BodyMember> object_members(std::string_view text);

// The value of a member, as JSON; empty if there is none.
std::string_view value_of(std::string_view object, const std::vector<BodyMember>& members,
                          std::string_view key);
std::string_view value_of(std::string_view object, std::string_view key);

// The elements of the array that is `text`, without commas and blanks.
std::vector<std::string_view> array_elements(std::string_view text);

// The text of a JSON string.
std::string unquote(std::string_view quoted);

// `text` as a JSON string, quotes included.
std::string json_string(std::string_view text);

}  // namespace gateway
