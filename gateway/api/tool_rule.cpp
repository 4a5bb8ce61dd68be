#include "gateway/api/tool_rule.h"

#include <algorithm>

namespace gateway {

namespace {

std::string role_param(size_t index) {
    return "messages.[" + std::to_string(index) + "].role";
}

}  // namespace

ApiError ToolRule::unanswered(std::string param) const {
    constexpr size_t kNamed = 8;
    std::string ids;
    for (size_t i = 0; i < std::min(open_.size(), kNamed); ++i)
        ids += (i > 0 ? ", " : "") + abbreviated(open_[i]);
    if (open_.size() > kNamed) ids += ", ...";
    return bad_request(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each "
        "'tool_call_id'. The following tool_call_ids did not have response messages: " +
            ids,
        std::move(param));
}

Fault ToolRule::answer(const MessageFields& message, const JsonPlace& place, size_t index) {
    std::string_view id;
    if (auto fault = read_string({place, "tool_call_id"}, *message.tool_call_id, id)) return fault;
    const auto found = std::find(open_.begin(), open_.end(), id);
    if (found == open_.end())
        return bad_request(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with "
            "'tool_calls'.",
            role_param(index));
    open_.erase(found);
    return {};
}

Fault ToolRule::next(std::string_view role, const MessageFields& message, const JsonPlace& place,
                     size_t index) {
    if (role == "tool") return answer(message, place, index);
    if (!open_.empty()) return unanswered(role_param(index));
    for (const auto& call : message.tool_calls) {
        simdjson::dom::object object;
        std::string_view id;
        // What is no call is refused where calls are checked.
        if (!call.get(object) && !object.at_key("id").get(id)) open_.push_back(id);
    }
    return {};
}

Fault ToolRule::end() const {
    if (open_.empty()) return {};
    return unanswered("messages");
}

}  // namespace gateway
