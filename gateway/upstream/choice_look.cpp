#include "gateway/upstream/choice_look.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::string_view text_of(const object& from, std::string_view key) {
    std::string_view text;
    if (from[key].get(text)) return {};
    return text;
}

int64_t bytes_of(const object& from, std::string_view key) {
    return static_cast<int64_t>(text_of(from, key).size());
}

int64_t argument_bytes(const object& call) {
    object function;
    if (call["function"].get(function)) return 0;
    return bytes_of(function, "arguments");
}

void look_at_tools(const object& text, ToolIndexes* numbers, ChoiceLook& look) {
    array calls;
    if (text["tool_calls"].get(calls)) return;
    std::vector<int64_t> indexes;
    bool changed = false;
    for (const element item : calls) {
        object call;
        if (item.get(call)) continue;
        look.n_text_bytes += argument_bytes(call);
        if (!numbers) continue;
        int64_t sent = -1;
        if (call["index"].get(sent) || sent < 0) sent = -1;
        indexes.push_back(numbers->assign(sent, text_of(call, "id")));
        changed = changed || indexes.back() != sent;
    }
    if (changed) look.tool_indexes = std::move(indexes);
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
    if (!choice["finish_reason"].get(finish)) look.finish_reason = std::string(finish);
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

}  // namespace

int64_t ToolIndexes::assign(int64_t index, std::string_view id) {
    // Hostile numbers and ever new ids must not make this grow without end.
    constexpr size_t kCallsMax = 1024;
    const auto known = id.empty() ? by_id_.end() : by_id_.find(id);
    if (known != by_id_.end()) {
        last_ = known->second;
    } else if (!id.empty() && by_id_.size() < kCallsMax) {
        const bool taken = std::any_of(by_id_.begin(), by_id_.end(),
                                       [&](const auto& call) { return call.second == index; });
        if (index < 0 || taken) renumbered_ = true;
        last_ = renumbered_ ? static_cast<int64_t>(by_id_.size()) : index;
        by_id_.emplace(id, last_);
    } else if (index >= 0 && !renumbered_) {
        last_ = index;
    }
    return last_ = std::max<int64_t>(last_, 0);
}

ChoiceLook look_at_message(const object& choice) {
    ChoiceLook look;
    if (const auto text = look_at_text(choice, "message", look))
        look_at_tools(*text, nullptr, look);
    return look;
}

ChoiceLook look_at_delta(const object& choice, ChoiceState& state) {
    ChoiceLook look;
    if (const auto delta = look_at_text(choice, "delta", look)) {
        look_at_tools(*delta, &state.tools, look);
        look_at_opening(choice, *delta, state, look);
    }
    return look;
}

}  // namespace gateway
