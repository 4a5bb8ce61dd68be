#include "gateway/upstream/reasoning_refill.h"

#include <algorithm>
#include <array>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

// An empty text is refused like none.
constexpr const char* kPlaceholder = R"("not available")";

std::string_view value_of(std::string_view message, const std::vector<BodyMember>& members,
                          std::string_view key) {
    const auto found = std::ranges::find(members, key, &BodyMember::key);
    return found == members.end()
               ? std::string_view()
               : message.substr(found->value_begin, found->value_end - found->value_begin);
}

bool says_something(std::string_view text) {
    return text.size() > 2 && text.front() == '"';
}

}  // namespace

std::string refill_reasoning(std::string_view messages) {
    std::string out = "[";
    bool follows_tool = false;
    for (const std::string_view message : array_elements(messages)) {
        const auto members = object_members(message);
        const std::string_view role = value_of(message, members, "role");
        const std::string_view calls = value_of(message, members, "tool_calls");
        const bool has_calls = calls.starts_with('[') && !array_elements(calls).empty();
        const bool is_due = role == R"("assistant")" && (has_calls || follows_tool) &&
                            !says_something(value_of(message, members, "reasoning_content"));
        follows_tool = role == R"("tool")";
        if (out.size() > 1) out += ',';
        if (!is_due) {
            out += message;
            continue;
        }
        const std::string_view other = value_of(message, members, "reasoning");
        const std::array<BodyEdit, 2> edits{
            {{"reasoning_content", std::string(says_something(other) ? other : kPlaceholder)},
             {"reasoning", std::nullopt}}};
        out += edit_body(message, members, edits);
    }
    return out += ']';
}

}  // namespace gateway
