#include "engine/chat/reference_case.h"

#include <algorithm>

#include "engine/chat/effort_prefix.h"
#include "engine/chat/json_cursor.h"

namespace engine {
namespace {

using Kind = JsonCursor::Kind;

struct Refusal {
    std::string detail;
};
[[noreturn]] void refuse_case(const std::string& detail) {
    throw Refusal{detail};
}

bool present(std::string_view json) {
    return !json.empty() && json != "null";
}

std::string string_of(std::string_view json, const char* what) {
    std::string text;
    JsonCursor cursor(json);
    if (!cursor.string(text))
        refuse_case(std::string("bad_content_type: ") + what + " is no string");
    return text;
}

bool boolean_of(std::string_view json) {
    bool value = false;
    JsonCursor(json).boolean(value);
    return value;
}

// The members of an object as they stand, by name.
template <class Take>
void each_member(std::string_view json, const char* what, Take&& take) {
    JsonCursor cursor(json);
    const bool whole = cursor.object([&](const std::string& key) {
        std::string_view raw;
        if (!cursor.skip(raw)) return false;
        take(std::string_view(key), raw);
        return true;
    });
    if (!whole) refuse_case(std::string("invalid_value: ") + what + " is no JSON object");
}

template <class Take>
void each_item(std::string_view json, const char* what, Take&& take) {
    JsonCursor cursor(json);
    const bool whole = cursor.array([&] {
        std::string_view raw;
        if (!cursor.skip(raw)) return false;
        take(raw);
        return true;
    });
    if (!whole) refuse_case(std::string("invalid_value: ") + what + " is no JSON array");
}

TurnRole role_of(std::string_view json) {
    const std::string role = string_of(json, "a role");
    if (role == "system") return TurnRole::system;
    if (role == "user") return TurnRole::user;
    if (role == "developer") return TurnRole::developer;
    if (role == "assistant") return TurnRole::assistant;
    if (role == "latest_reminder") return TurnRole::latest_reminder;
    if (role == "tool") return TurnRole::tool;
    refuse_case("unsupported_role: " + role);
}

Control task_of(std::string_view json) {
    const std::string task = string_of(json, "a task");
    constexpr Control kTasks[] = {Control::action, Control::query, Control::authority,
                                  Control::domain, Control::title, Control::read_url};
    for (const Control control : kTasks) {
        if (to_string(control) == "<｜" + task + "｜>") return control;
    }
    refuse_case("invalid_value: no task is called " + task);
}

// A result may come in parts; what is no text is named.
std::string result_of(std::string_view json) {
    if (JsonCursor(json).next() != Kind::array) {
        return json == "null" ? "None" : string_of(json, "a result");
    }
    std::string text;
    bool first = true;
    each_item(json, "a result", [&](std::string_view part) {
        std::string type, said;
        each_member(part, "a part of a result", [&](std::string_view key, std::string_view raw) {
            if (key == "type") type = string_of(raw, "the type of a part");
            if (key == "text") said = string_of(raw, "the text of a part");
        });
        if (!first) text += "\n\n";
        first = false;
        text += type == "text" ? said : "[Unsupported " + type + "]";
    });
    return text;
}

ToolCall call_of(std::string_view json) {
    ToolCall call;
    std::string inner_id;
    each_member(json, "a call", [&](std::string_view key, std::string_view raw) {
        if (key == "id" && present(raw)) call.id = string_of(raw, "the id of a call");
        if (key != "function") return;
        each_member(raw, "a function", [&](std::string_view name, std::string_view value) {
            if (name == "id" && present(value)) inner_id = string_of(value, "the id of a call");
            if (name == "name") call.name = string_of(value, "the name of a call");
            if (name == "arguments") call.arguments = string_of(value, "the arguments of a call");
        });
    });
    if (call.id.empty()) call.id = std::move(inner_id);
    return call;
}

Turn turn_of(std::string_view json) {
    Turn turn;
    std::string_view content, role;
    each_member(json, "a message", [&](std::string_view key, std::string_view raw) {
        if (key == "role") role = raw;
        if (key == "content") content = raw;
        if (key == "wo_eos") turn.without_eos = boolean_of(raw);
        if (!present(raw)) return;
        if (key == "reasoning_content") turn.reasoning = string_of(raw, key.data());
        if (key == "tool_call_id") turn.tool_call_id = string_of(raw, key.data());
        if (key == "tools") turn.tools = raw;
        if (key == "response_format") turn.response_format = raw;
        if (key == "task") turn.task = task_of(raw);
        if (key == "tool_calls") {
            each_item(raw, "tool_calls",
                      [&](std::string_view call) { turn.calls.push_back(call_of(call)); });
        }
    });
    turn.role = role_of(role);
    if (turn.role == TurnRole::tool) {
        if (!content.empty()) turn.content = result_of(content);
    } else if (turn.role == TurnRole::latest_reminder && !present(content)) {
        turn.content = "None";
    } else if (present(content) || (turn.role == TurnRole::user && !content.empty())) {
        turn.content = string_of(content, "content");
    }
    return turn;
}

// The three efforts of a checkpoint that its encoder knows.
std::string_view prefix_of(config::Encoding encoding, const std::string& word) {
    using config::Effort;
    const auto effort = word.empty() ? Effort::low : config::parse_effort(word);
    const bool known = effort == Effort::high || effort == Effort::max || word.empty() ||
                       (effort == Effort::low && encoding == config::Encoding::v0731);
    if (!known) refuse_case("invalid_value: reasoning_effort " + word);
    return effort_prefix(encoding, *effort);
}

void put_on_first(std::vector<Turn>& turns, size_t at, std::string_view tools,
                  std::string_view format) {
    if (!present(tools) && !present(format)) return;
    const bool opens = at < turns.size() && turns[at].role == TurnRole::system;
    if (!opens) {
        Turn system;
        system.role = TurnRole::system;
        turns.insert(turns.begin() + static_cast<std::ptrdiff_t>(at), std::move(system));
    }
    if (present(tools)) turns[at].tools = tools;
    if (present(format)) turns[at].response_format = format;
}

ReferenceCase read(std::string_view json, std::optional<config::Encoding> encoding) {
    ReferenceCase out;
    out.options.rules = EncodingOptions::Rules::official;
    std::string_view messages = "[]", context, tools, format, mode, options, checkpoint;
    each_member(json, "the case", [&](std::string_view key, std::string_view raw) {
        if (key == "messages") messages = raw;
        if (key == "context") context = raw;
        if (key == "tools") tools = raw;
        if (key == "response_format") format = raw;
        if (key == "thinking_mode") mode = raw;
        if (key == "options") options = raw;
        if (key == "checkpoint") checkpoint = raw;
    });
    const std::string name = string_of(mode, "thinking_mode");
    if (name != "chat" && name != "thinking") refuse_case("invalid_value: thinking_mode " + name);
    out.options.thinking = name == "thinking";
    if (present(checkpoint)) {
        const std::string said = string_of(checkpoint, "checkpoint");
        if (said == "preview") out.checkpoint = config::Encoding::preview;
        if (said == "0731") out.checkpoint = config::Encoding::v0731;
    }
    std::string effort;
    if (present(options)) {
        each_member(options, "options", [&](std::string_view key, std::string_view raw) {
            if (key == "drop_thinking") out.options.drop_reasoning = boolean_of(raw);
            if (key == "add_bos") out.options.with_bos = boolean_of(raw);
            if (key == "reasoning_effort" && present(raw)) effort = string_of(raw, key.data());
        });
    }
    const auto version = encoding.value_or(out.checkpoint.value_or(config::Encoding::v0731));
    out.options.prefix = prefix_of(version, effort);
    const auto take = [&out](std::string_view message) { out.turns.push_back(turn_of(message)); };
    if (present(context)) each_item(context, "context", take);
    out.options.n_context = out.turns.size();
    each_item(messages, "messages", take);
    put_on_first(out.turns, out.options.n_context, tools, format);
    return out;
}

}  // namespace

bool is_reference_case(std::string_view json) {
    JsonCursor cursor(json);
    bool found = false;
    const bool whole = cursor.object([&](const std::string& key) {
        std::string_view raw;
        found |= key == "thinking_mode";
        return cursor.skip(raw);
    });
    return whole && found;
}

Result<ReferenceCase> read_reference_case(std::string_view json,
                                          std::optional<config::Encoding> encoding) {
    try {
        return read(json, encoding);
    } catch (const Refusal& refusal) {
        return tl::unexpected(Error{Errc::prompt_invalid, refusal.detail});
    }
}

}  // namespace engine
