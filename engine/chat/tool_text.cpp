#include "engine/chat/tool_text.h"

#include <unordered_map>

#include "engine/chat/json_cursor.h"

namespace engine {
namespace {

constexpr std::string_view kToolsHead = R"(## Tools

You have access to a set of tools to help answer the user's question. You can invoke tools by writing a "<｜DSML｜tool_calls>" block like the following:

<｜DSML｜tool_calls>
<｜DSML｜invoke name="$TOOL_NAME">
<｜DSML｜parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</｜DSML｜parameter>
...
</｜DSML｜invoke>
<｜DSML｜invoke name="$TOOL_NAME2">
...
</｜DSML｜invoke>
</｜DSML｜tool_calls>

String parameters should be specified as is and set `string="true"`. For all other types (numbers, booleans, arrays, objects), pass the value in JSON format and set `string="false"`.

If thinking_mode is enabled (triggered by <think>), you MUST output your complete reasoning inside <think>...</think> BEFORE any tool calls or final response.

Otherwise, output directly after </think> with tool calls or final response.

### Available Tool Schemas

)";
constexpr std::string_view kToolsTail =
    "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool "
    "calls.\n";
constexpr const char* kNoTools = "invalid_value: tools are no array of functions";
constexpr std::string_view kFormatHead =
    "## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n";

tl::unexpected<Error> refuse(const std::string& detail) {
    return tl::unexpected(Error{Errc::prompt_invalid, detail});
}

// Text of our own, in which a control's name means the control.
void put_own(SegmentWriter& out, std::string_view text) {
    constexpr Control kIn[] = {Control::dsml, Control::think_begin, Control::think_end};
    while (!text.empty()) {
        size_t at = text.size();
        Control found = Control::dsml;
        for (const Control control : kIn) {
            if (const size_t place = text.find(to_string(control)); place < at) {
                at = place;
                found = control;
            }
        }
        out.put(text.substr(0, at));
        if (at == text.size()) return;
        out.put(found);
        text.remove_prefix(at + to_string(found).size());
    }
}

// Calls `take` where the function of each tool stands.
template <class Take>
bool each_function(std::string_view tools, Take&& take) {
    JsonCursor json(tools);
    const bool whole = json.array([&] {
        bool found = false;
        const bool read = json.object([&](const std::string& key) {
            std::string_view other;
            if (key != "function" || found) return json.skip(other);
            found = true;
            return take(json);
        });
        return read && found;
    });
    return whole && json.done();
}

struct Parameter {
    std::string name;
    std::string value;  // of a string: itself; else JSON
    bool is_string = false;
};

enum class Arguments : uint8_t { object, other_json, no_json };

Arguments read_arguments(std::string_view text, std::vector<Parameter>& parameters) {
    JsonCursor json(text);
    std::unordered_map<std::string, size_t> places;
    if (json.next() != JsonCursor::Kind::object) {
        std::string_view raw;
        return json.skip(raw) && json.done() ? Arguments::other_json : Arguments::no_json;
    }
    const bool whole = json.object([&](const std::string& key) {
        Parameter parameter{key, {}, json.next() == JsonCursor::Kind::string};
        const bool read =
            parameter.is_string ? json.string(parameter.value) : json.print(parameter.value);
        const auto [place, is_new] = places.emplace(key, parameters.size());
        if (is_new) {
            parameters.push_back(std::move(parameter));
        } else {
            parameters[place->second] = std::move(parameter);
        }
        return read;
    });
    return whole && json.done() ? Arguments::object : Arguments::no_json;
}

Result<void> put_call(SegmentWriter& out, const ToolCall& call) {
    std::vector<Parameter> parameters;
    switch (read_arguments(call.arguments, parameters)) {
        case Arguments::object:
            break;
        case Arguments::other_json:
            return refuse("bad_arguments_type: the arguments of a call are JSON, but no object");
        case Arguments::no_json:
            parameters = {{"arguments", call.arguments, true}};
            break;
    }
    out.open_tag();
    out.put("invoke name=\"");
    out.put(call.name);
    out.put("\">\n");
    for (const Parameter& parameter : parameters) {
        if (&parameter != &parameters.front()) out.put("\n");
        out.open_tag();
        out.put("parameter name=\"");
        out.put(parameter.name);
        out.put(parameter.is_string ? "\" string=\"true\">" : "\" string=\"false\">");
        out.put(parameter.value);
        out.close_tag();
        out.put("parameter>");
    }
    out.put("\n");
    out.close_tag();
    out.put("invoke>");
    return {};
}

}  // namespace

Result<void> put_tools(SegmentWriter& out, std::string_view tools) {
    put_own(out, kToolsHead);
    bool first = true;
    const bool whole = each_function(tools, [&](JsonCursor& json) {
        std::string line;
        if (!json.print(line)) return false;
        if (!first) out.put("\n");
        first = false;
        out.put(line);
        return true;
    });
    if (!whole) return refuse(kNoTools);
    put_own(out, kToolsTail);
    return {};
}

Result<void> put_response_format(SegmentWriter& out, std::string_view format) {
    JsonCursor json(format);
    std::string text;
    if (!json.print(text) || !json.done())
        return refuse("invalid_value: response_format is no JSON");
    put_own(out, kFormatHead);
    out.put(text);
    return {};
}

Result<void> put_calls(SegmentWriter& out, const std::vector<ToolCall>& calls) {
    out.put("\n\n");
    out.open_tag();
    out.put("tool_calls>\n");
    for (const ToolCall& call : calls) {
        if (&call != &calls.front()) out.put("\n");
        if (auto put = put_call(out, call); !put) return put;
    }
    out.put("\n");
    out.close_tag();
    out.put("tool_calls>");
    return {};
}

}  // namespace engine
