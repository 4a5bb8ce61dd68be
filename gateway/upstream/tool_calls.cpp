#include "gateway/upstream/tool_calls.h"

#include "gateway/api/request_id.h"
#include "gateway/upstream/json_members.h"
#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Hostile indices and ever new ids must not make this grow without end.
constexpr size_t kCallsMax = 1024;

void drop(const object& from, std::string_view key, std::vector<BodyEdit>& edits) {
    element member;
    if (!from[key].get(member)) edits.push_back({key, std::nullopt});
}

}  // namespace

CallLook ToolCalls::look_at_call(const object& call, Ends ends) {
    return look(call, begin(-1), true, ends);
}

CallLook ToolCalls::look_at_piece(const object& call, Ends ends) {
    object function;
    const bool is_named = !call["function"].get(function) && !text_of(function, "name").empty();
    int64_t sent = -1;
    if (call["index"].get(sent) || sent < 0) sent = -1;
    const size_t n_before = calls_.size();
    const size_t n = number(sent, text_of(call, "id"), is_named);
    CallLook out = look(call, n, calls_.size() > n_before, ends);
    if (sent != static_cast<int64_t>(n)) out.edits.push_back({"index", std::to_string(n)});
    return out;
}

CallLook ToolCalls::look(const object& call, size_t n, bool is_head, Ends ends) {
    CallLook out;
    object function;
    Call& state = calls_[n];
    const bool is_function = !call["function"].get(function);
    if (is_head) {
        if (text_of(call, "id").empty()) out.edits.push_back({"id", json_string(new_call_id())});
        if (is_function && text_of(call, "type").empty())
            out.edits.push_back({"type", "\"function\""});
    } else {
        drop(call, "id", out.edits);
        drop(call, "type", out.edits);
    }
    if (!is_function) {
        state.has_arguments = true;  // a custom tool takes any text
        return out;
    }
    if (state.has_name) drop(function, "name", out.function_edits);
    state.has_name |= !text_of(function, "name").empty();

    element arguments;
    std::string_view said;
    std::string written;
    const bool is_absent = function["arguments"].get(arguments) || arguments.is_null();
    const bool is_text = !is_absent && !arguments.get(said);
    if (!is_absent && !is_text) said = written = simdjson::minify(arguments);
    if (said.empty() && !state.has_arguments && ends == Ends::whole) said = written = "{}";
    if (!written.empty()) out.function_edits.push_back({"arguments", json_string(written)});
    out.n_text_bytes = static_cast<int64_t>(said.size());
    state.has_arguments |= !said.empty();
    return out;
}

std::vector<size_t> ToolCalls::take_silent() {
    std::vector<size_t> out;
    for (size_t n = 0; n < calls_.size(); ++n) {
        if (!calls_[n].has_arguments) out.push_back(n);
        calls_[n].has_arguments = true;
    }
    return out;
}

size_t ToolCalls::number(int64_t index, std::string_view id, bool is_named) {
    const auto at = index < 0 ? by_index_.end() : by_index_.find(index);
    const bool is_taken = at != by_index_.end();
    if (id.empty()) {
        if (index >= 0 && !unindexed_) return last_ = is_taken ? at->second : begin(index);
        // Nothing says which call: a name begins one, a piece goes on with the last.
        return calls_.empty() || is_named ? begin(index) : last_;
    }
    if (const auto known = by_id_.find(id); known != by_id_.end()) return last_ = known->second;
    const bool comes_late = is_taken && !calls_[at->second].has_id;
    if (!comes_late && (is_taken || index < 0)) unindexed_ = true;
    const size_t n = comes_late ? at->second : begin(index);
    calls_[n].has_id = true;
    if (by_id_.size() < kCallsMax) by_id_.emplace(id, n);
    return last_ = n;
}

size_t ToolCalls::begin(int64_t index) {
    if (calls_.size() < kCallsMax) calls_.emplace_back();
    last_ = calls_.size() - 1;
    if (index >= 0 && by_index_.size() < kCallsMax) by_index_[index] = last_;
    return last_;
}

}  // namespace gateway
