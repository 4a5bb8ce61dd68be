#include "gateway/upstream/choice_look.h"

#include <algorithm>

#include "gateway/upstream/json_members.h"

namespace gateway {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

int64_t bytes_of(const object& from, std::string_view key) {
    return static_cast<int64_t>(text_of(from, key).size());
}

int64_t argument_bytes(const object& call) {
    object function;
    if (call["function"].get(function)) return 0;
    return bytes_of(function, "arguments");
}

void look_at_tools(const object& delta, ToolIndexes* numbers, ChoiceLook& look) {
    array calls;
    if (delta["tool_calls"].get(calls)) return;
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

ChoiceLook look_at_choice(const object& choice, std::string_view text_member, ToolIndexes* tools) {
    ChoiceLook look;
    if (choice["index"].get(look.index)) look.index = 0;
    std::string_view finish;
    if (!choice["finish_reason"].get(finish)) look.finish_reason = std::string(finish);
    element usage;
    if (!choice["usage"].get(usage)) look.usage = usage;
    object text;
    if (choice[text_member].get(text)) return look;
    look.n_reasoning_bytes = bytes_of(text, "reasoning_content");
    if (look.n_reasoning_bytes == 0) look.n_reasoning_bytes = bytes_of(text, "reasoning");
    look.n_text_bytes =
        look.n_reasoning_bytes + bytes_of(text, "content") + bytes_of(text, "refusal");
    object function;
    if (!text["function_call"].get(function)) look.n_text_bytes += bytes_of(function, "arguments");
    look_at_tools(text, tools, look);
    return look;
}

}  // namespace gateway
