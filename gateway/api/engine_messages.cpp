#include "gateway/api/json_document.h"
#include "gateway/api/message_fields.h"

namespace gateway {

namespace {

using simdjson::dom::element;

Fault unsupported(const JsonPlace& place, std::string_view what) {
    return unsupported_value(place, "the local model does not support " + std::string(what) + ".");
}

Fault read_role(const JsonPlace& place, std::string_view word, engine::Role& role) {
    if (word == "system" || word == "developer") {
        role = engine::Role::system;
    } else if (word == "user") {
        role = engine::Role::user;
    } else if (word == "assistant") {
        role = engine::Role::assistant;
    } else {
        return unsupported({place, "role"}, "messages with role '" + std::string(word) + "'");
    }
    return {};
}

// Texts one after the other: nothing is put between parts.
Fault read_content(const JsonPlace& place, element content, std::string& out) {
    std::string_view text;
    simdjson::dom::array parts;
    if (!content.get(text)) {
        out = text;
        return {};
    }
    if (content.get(parts)) return internal_error();
    size_t index = 0;
    for (const element part : parts) {
        const JsonPlace here(place, index++);
        simdjson::dom::object object;
        std::string_view type;
        if (part.get(object) || object.at_key("type").get(type)) return internal_error();
        if (type != "text" && type != "refusal")
            return unsupported({here, "type"}, "content parts of type '" + std::string(type) + "'");
        if (object.at_key(type).get(text)) return internal_error();
        out += text;
    }
    return {};
}

// Needs a message that parse_chat_request() has accepted.
Fault read_message(const JsonPlace& place, element value, engine::ChatMessage& out) {
    MessageFields message;
    std::string_view text;
    if (auto fault = message.read(place, value)) return fault;
    if (!message.role || message.role->get(text)) return internal_error();
    if (auto fault = read_role(place, text, out.role)) return fault;
    if (!message.tool_calls.empty()) return unsupported({place, "tool_calls"}, "tool calls");
    if (message.function_call) return unsupported({place, "function_call"}, "function calls");
    if (message.content) {
        if (auto fault = read_content({place, "content"}, *message.content, out.content))
            return fault;
    } else if (message.refusal && !message.refusal->get(text)) {
        out.content = text;
    }
    const auto& reasoning =
        message.reasoning_content ? message.reasoning_content : message.reasoning;
    if (reasoning && !reasoning->get(text)) out.reasoning_content = text;
    return {};
}

}  // namespace

tl::expected<std::vector<engine::ChatMessage>, ApiError> engine_messages(
    const ChatRequest& request) {
    thread_local JsonDocument document;
    if (auto fault = document.parse_again(request.body)) return tl::unexpected(std::move(*fault));
    const JsonPlace place("messages");
    const auto given = member(document.root(), "messages");
    simdjson::dom::array messages;
    if (!given || given->get(messages)) return tl::unexpected(internal_error());
    std::vector<engine::ChatMessage> out;
    out.reserve(messages.size());
    size_t index = 0;
    for (const element message : messages)
        if (auto fault = read_message({place, index++}, message, out.emplace_back()))
            return tl::unexpected(std::move(*fault));
    document.shrink();
    return out;
}

}  // namespace gateway
