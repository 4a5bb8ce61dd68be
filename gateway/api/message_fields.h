#pragma once
// The members of one message, found in one pass. For .cpp files only.
#include <optional>

#include "gateway/api/request_fields.h"

namespace gateway {

inline constexpr std::array<std::string_view, 2> kToolTypes = {"function", "custom"};

struct MessageFields {
    // Absent and null are the same.
    std::optional<simdjson::dom::element> role, content, name, tool_call_id, function_call, refusal,
        reasoning_content, reasoning;
    std::vector<simdjson::dom::element> tool_calls;
    std::string_view assistants_only;  // the first member that only an assistant's message may have

    // Errors: not an object, a member that is unknown, tool_calls that is no array.
    Fault read(const JsonPlace& place, simdjson::dom::element message);
    // Errors: a member that a message of this role has not.
    Fault belongs_to(std::string_view whose, const JsonPlace& place) const;
};

}  // namespace gateway
