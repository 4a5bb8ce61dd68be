#pragma once
// A JSON object with single members replaced, added or dropped. Every other member keeps its bytes:
// what was checked is what is sent on.
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/api/chat_request.h"

namespace gateway {

struct BodyEdit {
    std::string_view key;              // unescaped; at most one edit a key
    std::optional<std::string> value;  // JSON text; absent: the member is dropped
};

// A member that is not there yet is added at the end. `members` are those of `body`, in order.
std::string edit_body(std::string_view body, std::span<const BodyMember> members,
                      std::span<const BodyEdit> edits);
// The same for a JSON object whose members are not known yet.
std::string edit_object(std::string_view object, std::span<const BodyEdit> edits);

}  // namespace gateway
