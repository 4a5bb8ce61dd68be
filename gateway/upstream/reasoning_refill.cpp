#include "gateway/upstream/reasoning_refill.h"

#include <algorithm>
#include <array>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

// An empty text is refused like none.
constexpr const char* kPlaceholder = R"("not available")";

bool says_something(std::string_view text) {
    return text.size() > 2 && text.front() == '"';
}

// Walks the messages and knows which of them must say their reasoning and do not.
class Walk {
public:
    // Takes the next message; true: reasoning is due.
    bool take(std::string_view message) {
        members = object_members(message);
        const std::string_view role = value_of(message, members, "role");
        calls = value_of(message, members, "tool_calls");
        const bool has_calls = calls.starts_with('[') && !array_elements(calls).empty();
        const bool is_due = role == R"("assistant")" && (has_calls || follows_tool_) &&
                            !says_something(value_of(message, members, "reasoning_content"));
        other = value_of(message, members, "reasoning");
        content = value_of(message, members, "content");
        follows_tool_ = role == R"("tool")";
        return is_due;
    }

    // Of the message at hand, the values as JSON.
    std::vector<BodyMember> members;
    std::string_view calls, content, other;

private:
    bool follows_tool_ = false;
};

}  // namespace

std::string refill_reasoning(std::string_view messages, const KeptReasoning& kept) {
    std::string out = "[";
    Walk walk;
    for (const std::string_view message : array_elements(messages)) {
        if (out.size() > 1) out += ',';
        if (!walk.take(message)) {
            out += message;
            continue;
        }
        std::string reasoning = kPlaceholder;
        if (says_something(walk.other)) {
            reasoning = walk.other;
        } else if (const auto own = kept.behind(walk.calls, walk.content)) {
            reasoning = json_string(*own);
        }
        const std::array<BodyEdit, 2> edits{
            {{"reasoning_content", std::move(reasoning)}, {"reasoning", std::nullopt}}};
        out += edit_body(message, walk.members, edits);
    }
    return out += ']';
}

bool has_all_reasoning(std::string_view messages, const KeptReasoning& kept) {
    Walk walk;
    for (const std::string_view message : array_elements(messages)) {
        if (walk.take(message) && !says_something(walk.other) &&
            !kept.behind(walk.calls, walk.content))
            return false;
    }
    return true;
}

}  // namespace gateway
