#include "gateway/api/message_checks.h"

#include <utility>

#include "gateway/api/content_checks.h"
#include "gateway/api/json_document.h"
#include "gateway/api/message_fields.h"
#include "gateway/api/tool_rule.h"

namespace gateway {

namespace {

using simdjson::dom::element;

constexpr std::array<std::string_view, 6> kRoles = {"system",   "assistant", "user",
                                                    "function", "tool",      "developer"};
constexpr std::string_view kTextOrParts = "one of a string or array of objects";

Fault check_tool_call(const JsonPlace& place, element value, MessageFacts& facts) {
    constexpr std::array<std::string_view, 5> kNames = {"id", "type", "function", "custom",
                                                        "index"};
    // The last is the SDKs' own, of their helpers: it comes back with their messages.
    constexpr std::array<std::string_view, 3> kFunctionNames = {"name", "arguments",
                                                                "parsed_arguments"};
    constexpr std::array<std::string_view, 2> kCustomNames = {"name", "input"};
    simdjson::dom::object call, body;
    std::string_view id, type = "function", text;
    if (auto fault = read_object(place, value, call)) return fault;
    if (auto fault = check_names(place, call, kNames)) return fault;
    const auto given_id = member(call, "id");
    if (!given_id) return missing_parameter({place, "id"});
    if (auto fault = read_string({place, "id"}, *given_id, id)) return fault;
    if (const auto given = member(call, "type"))
        if (auto fault = read_one_of({place, "type"}, *given, kToolTypes, type)) return fault;
    const bool is_function = type == "function";
    const JsonPlace here(place, type);
    const auto given = member(call, type);
    if (!given) return missing_parameter(here);
    if (auto fault = read_object(here, *given, body)) return fault;
    if (auto fault = is_function ? check_names(here, body, kFunctionNames)
                                 : check_names(here, body, kCustomNames))
        return fault;
    for (const std::string_view name :
         {std::string_view("name"), is_function ? kFunctionNames[1] : kCustomNames[1]}) {
        const auto said = member(body, name);
        if (!said) return missing_parameter({here, name});
        if (auto fault = read_string({here, name}, *said, text)) return fault;
        facts.n_text_bytes += static_cast<int64_t>(text.size());
    }
    return {};
}

Fault check_function_call(const JsonPlace& place, element value, MessageFacts& facts) {
    constexpr std::array<std::string_view, 2> kNames = {"name", "arguments"};
    simdjson::dom::object call;
    std::string_view text;
    if (auto fault = read_object(place, value, call)) return fault;
    if (auto fault = check_names(place, call, kNames)) return fault;
    for (const std::string_view name : kNames) {
        const auto said = member(call, name);
        if (!said) return missing_parameter({place, name});
        if (auto fault = read_string({place, name}, *said, text)) return fault;
        facts.n_text_bytes += static_cast<int64_t>(text.size());
    }
    return {};
}

// What may be put in for reasoning that is missing (upstream/reasoning_refill.h) is held as well.
constexpr int64_t kPlaceholderBytes = 16;

class Messages {
public:
    Messages(bool looks_for_json, MessageFacts& facts)
        : looks_for_json_(looks_for_json), facts_(facts) {}

    Fault check(const JsonPlace& place, element value, size_t index) {
        MessageFields message;
        std::string_view role;
        if (auto fault = message.read(place, value)) return fault;
        if (!message.role) return missing_parameter({place, "role"});
        if (auto fault = read_one_of({place, "role"}, *message.role, kRoles, role)) return fault;
        ++facts_.n_messages;
        if (auto fault = message.belongs_to(role, place)) return fault;
        if (auto fault = tool_rule_.next(role, message, place, index)) return fault;
        if (message.name) {
            std::string_view name;
            if (auto fault = read_string({place, "name"}, *message.name, name)) return fault;
            facts_.n_text_bytes += static_cast<int64_t>(name.size());
        }
        const bool follows_tool = std::exchange(is_tool_, role == "tool");
        if (role == "assistant") return assistant(place, message, follows_tool);
        return content(place, message, role);
    }

    Fault end() const { return tool_rule_.end(); }

private:
    Fault assistant(const JsonPlace& place, const MessageFields& message, bool follows_tool) {
        size_t index = 0;
        const JsonPlace calls(place, "tool_calls");
        for (const element call : message.tool_calls)
            if (auto fault = check_tool_call({calls, index++}, call, facts_)) return fault;
        if (message.function_call)
            if (auto fault =
                    check_function_call({place, "function_call"}, *message.function_call, facts_))
                return fault;
        for (const auto& [name, value] : {std::pair{"refusal", message.refusal},
                                          std::pair{"reasoning_content", message.reasoning_content},
                                          std::pair{"reasoning", message.reasoning}}) {
            std::string_view text;
            if (!value) continue;
            if (auto fault = read_string({place, name}, *value, text)) return fault;
            facts_.n_text_bytes += static_cast<int64_t>(text.size());
        }
        if (index > 0 || follows_tool) note_reasoning(message);
        if (!message.content) {
            const bool says_something = index > 0 || message.function_call || message.refusal;
            if (says_something) return {};
            return wrong_type({place, "content"}, kTextOrParts, "null");
        }
        return content(place, message, "assistant");
    }

    // Of a message in a stretch of calls; both members were read as strings.
    void note_reasoning(const MessageFields& message) {
        using routing::Replayed;
        const auto says = [](const std::optional<element>& value) {
            std::string_view text;
            return value && !value->get(text) && !text.empty();
        };
        if (says(message.reasoning_content)) return;
        if (!says(message.reasoning)) {
            facts_.replayed = Replayed::missing;
            facts_.n_text_bytes += kPlaceholderBytes;
        } else if (facts_.replayed == Replayed::whole) {
            facts_.replayed = Replayed::elsewhere;
        }
    }

    Fault content(const JsonPlace& place, const MessageFields& message, std::string_view role) {
        const JsonPlace here(place, "content");
        if (!message.content) {
            const bool may_be_absent = role == "user" || role == "function";
            return may_be_absent ? Fault() : Fault(missing_parameter(here));
        }
        std::string_view text;
        if (!message.content->get(text)) {
            take_text(text);
            return {};
        }
        simdjson::dom::array parts;
        if (role == "function" || message.content->get(parts))
            return wrong_type(here, role == "function" ? "a string" : kTextOrParts,
                              type_word(*message.content));
        if (parts.begin() == parts.end()) return empty_array(here);
        size_t index = 0;
        for (const element part : parts) {
            ContentPart read;
            if (auto fault = read_part({here, index++}, part, role, read)) return fault;
            take_text(read.text);
            facts_.n_images += read.is_image;
            if (read.is_image) facts_.n_image_bytes += static_cast<int64_t>(read.url.size());
            facts_.has_media |= read.is_media;
        }
        return {};
    }

    void take_text(std::string_view text) {
        facts_.n_text_bytes += static_cast<int64_t>(text.size());
        if (looks_for_json_ && !facts_.says_json) facts_.says_json = says_json(text);
    }

    const bool looks_for_json_;
    MessageFacts& facts_;
    ToolRule tool_rule_;
    bool is_tool_ = false;  // the message before
};

}  // namespace

Fault check_messages(const RequestFields& fields, bool looks_for_json, MessageFacts& facts) {
    const JsonPlace place("messages");
    simdjson::dom::array messages;
    if (auto fault =
            read_array(place, *fields.find(Field::messages), "an array of objects", messages))
        return fault;
    Messages checks(looks_for_json, facts);
    size_t index = 0;
    for (const element message : messages) {
        if (auto fault = checks.check({place, index}, message, index)) return fault;
        ++index;
    }
    if (index == 0) return empty_array(place);
    return checks.end();
}

}  // namespace gateway
