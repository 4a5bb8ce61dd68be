#include "engine/calls/call_stream.h"

#include "engine/calls/call_id.h"
#include "engine/chat/json_cursor.h"

namespace engine {

using At = CallMachine::At;

void CallStream::push_text(std::string_view bytes, std::vector<ToolCallDelta>& out) {
    for (const char byte : bytes) push_byte(byte, out);
}

void CallStream::push_byte(char byte, std::vector<ToolCallDelta>& out) {
    if (broken_) return;
    const At from = machine_.place().at;
    const uint32_t n_from = machine_.place().n;
    if (!machine_.push(static_cast<uint8_t>(byte))) {
        broken_ = true;
        return;
    }
    const At to = machine_.place().at;
    if (from == At::text) {
        // What could begin the closing tag waits, and is text once it does not.
        const uint32_t n_held = machine_.place().n;
        if (n_held <= n_from) put_text(std::string_view("</").substr(0, n_from), out);
        if (n_held == 0) put_text({&byte, 1}, out);
    } else if (from == At::json && to == At::json) {
        json_ += byte;
    } else if (from == At::key && to == At::key) {
        key_ += byte;
    } else if (from == At::tool_name && to == At::head) {
        begin_call(out);
    } else if (from != to && (to == At::text || to == At::json)) {
        begin_value(out);
    }
}

void CallStream::push_dsml(std::vector<ToolCallDelta>& out) {
    if (broken_) return;
    const At from = machine_.place().at;
    if (!machine_.push_dsml()) {
        broken_ = true;
        return;
    }
    if (from == At::text || from == At::json_end) end_value(from, out);
    if (from == At::call_close) end_call(out);
}

void CallStream::begin_call(std::vector<ToolCallDelta>& out) {
    open_.emplace(ToolCall{new_call_id(), machine_.tool().name, "{"});
    ToolCallDelta& delta = out.emplace_back();
    delta.index = static_cast<int>(calls_.size());
    delta.id = open_->id;
    delta.name = open_->name;
    delta.arguments = open_->arguments;
}

void CallStream::begin_value(std::vector<ToolCallDelta>& out) {
    std::string text;
    if (open_->arguments.size() > 1) text += ", ";
    append_python_string(text, repair_utf8(key_));
    text += ": ";
    if (machine_.place().at == At::text) text += '"';
    key_.clear();
    json_.clear();
    put(text, out);
}

void CallStream::end_value(At from, std::vector<ToolCallDelta>& out) {
    if (from == At::json_end) {
        put(repair_utf8(json_), out);
        return;
    }
    std::string rest;
    characters_.finish(rest);
    put(rest += '"', out);
}

void CallStream::end_call(std::vector<ToolCallDelta>& out) {
    put("}", out);
    out.back().ends = true;
    calls_.push_back(std::move(*open_));
    open_.reset();
}

void CallStream::put(std::string_view arguments, std::vector<ToolCallDelta>& out) {
    open_->arguments += arguments;
    const auto index = static_cast<int>(calls_.size());
    if (out.empty() || out.back().index != index) out.emplace_back().index = index;
    out.back().arguments += arguments;
}

void CallStream::put_text(std::string_view bytes, std::vector<ToolCallDelta>& out) {
    std::string whole;
    characters_.push(bytes, whole);
    if (whole.empty()) return;
    std::string quoted;
    append_python_string(quoted, whole);
    put(std::string_view(quoted).substr(1, quoted.size() - 2), out);
}

}  // namespace engine
