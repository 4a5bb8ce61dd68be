#include "gateway/upstream/choice_look.h"

#include <algorithm>
#include <utility>

#include "gateway/upstream/json_members.h"

namespace gateway {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

int64_t bytes_of(const object& from, std::string_view key) {
    return static_cast<int64_t>(text_of(from, key).size());
}

// Whether the choice ends here, and nothing of it was cut.
bool ends_whole(const ChoiceLook& look) {
    return look.finish.kind == FinishReason::Kind::ended && look.finish.word != "length" &&
           look.finish.word != "content_filter";
}

template <class LookAtCall>
void look_at_calls(const object& text, LookAtCall&& look_at_call, ChoiceLook& look) {
    array calls;
    if (text["tool_calls"].get(calls)) return;
    if (calls.size() == 0) look.edits.push_back({"tool_calls", std::nullopt});
    const auto ends = ends_whole(look) ? ToolCalls::Ends::whole : ToolCalls::Ends::no;
    bool changed = false;
    for (const element item : calls) {
        object call;
        if (item.get(call)) continue;
        const CallLook& seen = look.calls.emplace_back(look_at_call(call, ends));
        look.n_text_bytes += seen.n_text_bytes;
        changed = changed || !seen.edits.empty() || !seen.function_edits.empty();
    }
    if (!changed) look.calls.clear();
}

// Reasoning has two names, of which clients know this one.
void look_at_reasoning(const object& text, ChoiceLook& look) {
    look.n_reasoning_bytes = bytes_of(text, "reasoning_content");
    if (look.n_reasoning_bytes > 0) return;
    element reasoning;
    look.n_reasoning_bytes = bytes_of(text, "reasoning");
    if (look.n_reasoning_bytes == 0 || text["reasoning"].get(reasoning)) return;
    look.edits.push_back({"reasoning", std::nullopt});
    look.edits.push_back({"reasoning_content", simdjson::minify(reasoning)});
}

// Yields the delta or message, if there is one.
std::optional<object> look_at_text(const object& choice, std::string_view member,
                                   ChoiceLook& look) {
    if (choice["index"].get(look.index)) look.index = 0;
    std::string_view finish;
    if (!choice["finish_reason"].get(finish)) {
        look.finish_reason = std::string(finish);
        look.finish = read_finish_reason(finish);
    }
    element usage;
    if (!choice["usage"].get(usage)) look.usage = usage;
    object text;
    if (choice[member].get(text)) return std::nullopt;
    look_at_reasoning(text, look);
    look.n_text_bytes =
        look.n_reasoning_bytes + bytes_of(text, "content") + bytes_of(text, "refusal");
    object function;
    if (!text["function_call"].get(function)) look.n_text_bytes += bytes_of(function, "arguments");
    return text;
}

// Clients join strings: a role comes once, with the first delta. What is empty behind that says
// nothing, and some clients show it.
void look_at_opening(const object& choice, const object& delta, ChoiceState& state,
                     ChoiceLook& look) {
    element member;
    std::string_view content;
    const bool has_role = !delta["role"].get(member);
    if (has_role && state.has_role) look.edits.push_back({"role", std::nullopt});
    const bool opens = has_role && !std::exchange(state.has_role, state.has_role || has_role);
    if (!opens && !delta["content"].get(content) && content.empty())
        look.edits.push_back({"content", std::nullopt});
    const auto drops = [](const BodyEdit& edit) { return !edit.value; };
    const bool is_bare = choice["logprobs"].get(member) || member.is_null();
    look.is_empty = is_bare && look.finish_reason.value_or("").empty() && !look.edits.empty() &&
                    std::all_of(look.edits.begin(), look.edits.end(), drops) &&
                    look.edits.size() == delta.size();
}

// Whoever ends with calls is told so, whatever the upstream calls it.
void note_calls(const ToolCalls& calls, ChoiceLook& look) {
    if (look.finish.word == "stop" && !calls.empty())
        look.finish = read_finish_reason("tool_calls");
}

}  // namespace

ChoiceLook look_at_message(const object& choice) {
    ChoiceLook look;
    const auto message = look_at_text(choice, "message", look);
    if (!message) return look;
    ToolCalls calls;
    const auto each = [&](const object& call, auto ends) { return calls.look_at_call(call, ends); };
    look_at_calls(*message, each, look);
    note_calls(calls, look);
    return look;
}

ChoiceLook look_at_delta(const object& choice, ChoiceState& state) {
    ChoiceLook look;
    ToolCalls& calls = state.calls;
    if (const auto delta = look_at_text(choice, "delta", look)) {
        const auto each = [&](const object& piece, auto ends) {
            return calls.look_at_piece(piece, ends);
        };
        look_at_calls(*delta, each, look);
        look_at_opening(choice, *delta, state, look);
    }
    if (ends_whole(look)) look.silent_calls = calls.take_silent();
    note_calls(calls, look);
    return look;
}

}  // namespace gateway
