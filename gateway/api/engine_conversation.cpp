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
    } else if (word == "tool") {
        role = engine::Role::tool;
    } else {
        return unsupported({place, "role"}, "messages with role '" + std::string(word) + "'");
    }
    return {};
}

// Texts one after the other, with `between` between parts.
Fault read_content(const JsonPlace& place, element content, std::string_view between,
                   std::string& out) {
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
        if (index > 1) out += between;
        out += text;
    }
    return {};
}

Fault read_call(const JsonPlace& place, element value, engine::ToolCall& out) {
    simdjson::dom::object call, function;
    std::string_view id, name, arguments;
    if (value.get(call) || call.at_key("id").get(id)) return internal_error();
    if (call.at_key("function").get(function))
        return unsupported({place, "type"}, "calls of tools that are no functions");
    if (function.at_key("name").get(name) || function.at_key("arguments").get(arguments))
        return internal_error();
    out = {std::string(id), std::string(name), std::string(arguments)};
    return {};
}

// Needs a message that parse_chat_request() has accepted.
Fault read_message(const JsonPlace& place, element value, engine::ChatMessage& out) {
    MessageFields message;
    std::string_view text;
    if (auto fault = message.read(place, value)) return fault;
    if (!message.role || message.role->get(text)) return internal_error();
    if (auto fault = read_role(place, text, out.role)) return fault;
    const JsonPlace calls(place, "tool_calls");
    size_t index = 0;
    for (const element call : message.tool_calls)
        if (auto fault = read_call({calls, index++}, call, out.tool_calls.emplace_back()))
            return fault;
    if (message.tool_call_id && !message.tool_call_id->get(text)) out.tool_call_id = text;
    if (message.function_call) return unsupported({place, "function_call"}, "function calls");
    if (message.content) {
        // Between parts of a result the official encoder leaves an empty line.
        const std::string_view between = out.role == engine::Role::tool ? "\n\n" : "";
        if (auto fault = read_content({place, "content"}, *message.content, between, out.content))
            return fault;
    } else if (message.refusal && !message.refusal->get(text)) {
        out.content = text;
    }
    const auto& reasoning =
        message.reasoning_content ? message.reasoning_content : message.reasoning;
    if (reasoning && !reasoning->get(text)) out.reasoning_content = text;
    return {};
}

// The name in {"type":"function","function":{"name":...}}.
Fault read_choice_name(const JsonPlace& place, simdjson::dom::object choice,
                       std::vector<std::string>& out) {
    std::string_view name;
    if (choice.at_key("function").at_key("name").get(name))
        return unsupported({place, "type"}, "tools that are no functions");
    out.emplace_back(name);
    return {};
}

// Needs a choice that parse_chat_request() has accepted.
Fault read_tool_choice(const JsonPlace& place, element value, engine::ToolChoice& out) {
    using Mode = engine::ToolChoice::Mode;
    std::string_view word;
    simdjson::dom::object choice, allowed;
    simdjson::dom::array tools;
    if (!value.get(word)) {
        if (word == "none") out.mode = Mode::none;
        if (word == "required") out.mode = Mode::required;
        return {};
    }
    if (value.get(choice)) return internal_error();
    if (choice.at_key("allowed_tools").get(allowed)) {
        out.mode = Mode::required;
        out.n_calls_max = 1;
        return read_choice_name(place, choice, out.only);
    }
    if (allowed.at_key("mode").get(word) || allowed.at_key("tools").get(tools))
        return internal_error();
    if (word == "required") out.mode = Mode::required;
    const JsonPlace here(JsonPlace(place, "allowed_tools"), "tools");
    size_t index = 0;
    for (const element tool : tools) {
        simdjson::dom::object object;
        if (tool.get(object)) return internal_error();
        if (auto fault = read_choice_name({here, index++}, object, out.only)) return fault;
    }
    if (!out.only.empty()) return {};
    if (out.mode == Mode::required) return unsupported(here, "a required call of no tool");
    out.mode = Mode::none;
    return {};
}

// A member of the body as it stands; empty: there is none.
std::string member_text(const ChatRequest& request, std::string_view key) {
    for (const BodyMember& field : request.members) {
        if (field.key == key)
            return request.body.substr(field.value_begin, field.value_end - field.value_begin);
    }
    return {};
}

// Needs a format that parse_chat_request() has accepted.
void read_format(const ChatRequest& request, simdjson::dom::object root,
                 engine::Conversation& out) {
    std::string_view type;
    if (root.at_key("response_format").at_key("type").get(type) || type == "text") return;
    out.response_format = member_text(request, "response_format");
}

Fault read_tools(const ChatRequest& request, simdjson::dom::object root,
                 engine::Conversation& out) {
    simdjson::dom::array tools;
    if (root.at_key("tools").get(tools) || tools.begin() == tools.end()) return {};
    out.tools = member_text(request, "tools");
    if (const auto choice = member(root, "tool_choice")) {
        if (auto fault = read_tool_choice(JsonPlace("tool_choice"), *choice, out.tool_choice))
            return fault;
    }
    bool parallel = true;
    if (!root.at_key("parallel_tool_calls").get(parallel) && !parallel)
        out.tool_choice.n_calls_max = 1;
    return {};
}

}  // namespace

tl::expected<engine::Conversation, ApiError> engine_conversation(const ChatRequest& request) {
    thread_local JsonDocument document;
    if (auto fault = document.parse_again(request.body)) return tl::unexpected(std::move(*fault));
    const JsonPlace place("messages");
    const auto given = member(document.root(), "messages");
    simdjson::dom::array messages;
    if (!given || given->get(messages)) return tl::unexpected(internal_error());
    engine::Conversation out;
    out.messages.reserve(messages.size());
    size_t index = 0;
    for (const element message : messages)
        if (auto fault = read_message({place, index++}, message, out.messages.emplace_back()))
            return tl::unexpected(std::move(*fault));
    if (auto fault = read_tools(request, document.root(), out))
        return tl::unexpected(std::move(*fault));
    read_format(request, document.root(), out);
    document.shrink();
    return out;
}

}  // namespace gateway
