#include "gateway/upstream/call_repair.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gateway/api/request_id.h"
#include "gateway/upstream/leaked_calls.h"
#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

using json = nlohmann::ordered_json;

constexpr size_t kBlockBytesMax = 1 << 20;

std::vector<std::string> tool_names(const ChatRequest& request) {
    std::vector<std::string> names;
    const json tools =
        json::parse(value_of(request.body, request.members, "tools"), nullptr, false);
    if (!tools.is_array()) return names;
    for (const json& tool : tools) {
        if (tool.is_object() && tool.contains("function"))
            names.push_back(tool["function"].value("name", ""));
    }
    return names;
}

// How many bytes at the end of `text` may be the beginning of a mark.
size_t n_open_bytes(std::string_view text) {
    for (size_t n = std::min(text.size(), kDsmlOpen.size() - 1); n > 0; --n) {
        if (text.ends_with(kDsmlOpen.substr(0, n))) return n;
    }
    return 0;
}

std::string_view without_line_ends(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    return text;
}

json calls_of(const LeakedBlock& block, int64_t first, bool with_index) {
    json calls = json::array();
    for (const LeakedCall& call : block.calls) {
        json entry = json::object();
        if (with_index) entry["index"] = first++;
        entry["id"] = new_call_id();
        entry["type"] = "function";
        entry["function"] = {{"name", call.name}, {"arguments", call.arguments}};
        calls.push_back(std::move(entry));
    }
    return calls;
}

std::string text_in(const json& holder, const char* key) {
    const auto found = holder.find(key);
    return found != holder.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t index_of(const json& call) {
    const auto found = call.find("index");
    return found != call.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string written(const json& document) {
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

// One that was parsed because it may concern us.
struct CallRepair::Chunk {
    ChatChunk chunk;
    json document;
    json& choice() { return document["choices"][0]; }
};

bool CallRepair::may_concern(std::string_view data) const {
    return !held_.empty() || !block_.empty() || data.find('<') != data.npos ||
           data.find("\\u003") != data.npos || data.find("\"tool_calls\"") != data.npos;
}

EventLook CallRepair::event(SseEvent&& event) {
    EventLook look = reader_->event(std::move(event));
    if (look.kind != EventLook::Kind::chunk || is_over_) return look;
    std::vector<ChatChunk> out;
    pass(std::move(look.chunk), out);
    for (ChatChunk& chunk : look.more) pass(std::move(chunk), out);
    look.more.clear();
    if (out.empty()) {
        look.kind = EventLook::Kind::skip;
        return look;
    }
    look.chunk = std::move(out.front());
    out.erase(out.begin());
    look.more = std::move(out);
    return look;
}

void CallRepair::pass(ChatChunk&& chunk, std::vector<ChatChunk>& out) {
    if (chunk.usage_only || is_over_ || !may_concern(chunk.data)) {
        out.push_back(std::move(chunk));
        return;
    }
    Chunk parsed{std::move(chunk), {}};
    parsed.document = json::parse(parsed.chunk.data, nullptr, false);
    const auto choices = parsed.document.find("choices");
    const bool is_one = choices != parsed.document.end() && choices->is_array() &&
                        choices->size() == 1 && (*choices)[0].is_object() &&
                        (*choices)[0].contains("delta") && (*choices)[0]["delta"].is_object();
    if (!is_one) {
        out.push_back(std::move(parsed.chunk));
        return;
    }
    json& delta = parsed.choice()["delta"];
    if (const auto calls = delta.find("tool_calls"); calls != delta.end() && calls->is_array()) {
        for (const json& call : *calls) n_calls_ = std::max(n_calls_, index_of(call) + 1);
    }
    const bool ends =
        parsed.choice().contains("finish_reason") && parsed.choice()["finish_reason"].is_string();
    const std::string text = text_in(delta, "content");
    std::string now = text_for_now(text);
    if (ends && block_.empty()) now += std::exchange(held_, {});
    if (now != text) {
        if (now.empty())
            delta.erase("content");
        else
            delta["content"] = std::move(now);
        parsed.chunk.data = written(parsed.document);
    }
    if (ends && !block_.empty()) {
        end_block(parsed, out);
        return;
    }
    if (delta.empty() && !ends) {  // comes later, with what it counts
        n_text_bytes_ += parsed.chunk.n_text_bytes;
        return;
    }
    parsed.chunk.n_text_bytes += std::exchange(n_text_bytes_, 0);
    out.push_back(std::move(parsed.chunk));
}

// What of the text the client may see by now.
std::string CallRepair::text_for_now(std::string_view text) {
    if (!block_.empty()) {
        block_ += text;
        if (block_.size() <= kBlockBytesMax) return {};
        is_over_ = true;
        return std::exchange(block_, {});
    }
    std::string all = std::exchange(held_, {});
    all += text;
    if (const size_t mark = all.find(kDsmlOpen); mark != all.npos) {
        // Line ends before it belong to it.
        std::string before(without_line_ends(std::string_view(all).substr(0, mark)));
        block_ = all.substr(before.size());
        return before;
    }
    const size_t n_held = n_open_bytes(all);
    held_ = all.substr(all.size() - n_held);
    all.resize(all.size() - n_held);
    return all;
}

// The calls, then the chunk that ends the answer. What holds no call is text after all, unless a
// limit has cut it off within one: half a call is for nobody.
void CallRepair::end_block(Chunk& chunk, std::vector<ChatChunk>& out) {
    const LeakedBlock block = read_leaked_calls(block_, tool_names(request_));
    json& choice = chunk.choice();
    const std::string finish = choice["finish_reason"].get<std::string>();
    json before = chunk.document;
    before["choices"][0]["finish_reason"] = nullptr;
    json& delta = before["choices"][0]["delta"];
    if (!block.calls.empty()) {
        delta["tool_calls"] = calls_of(block, n_calls_, true);
        if (finish == "stop") choice["finish_reason"] = finish_reason_ = "tool_calls";
    } else if (!(finish == "length" && block.has_open_call)) {
        delta["content"] = text_in(delta, "content") + block_;
    }
    block_.clear();
    choice["delta"] = json::object();
    ChatChunk last;
    last.data = written(chunk.document);
    if (!delta.empty()) {
        ChatChunk first;
        first.data = written(before);
        first.n_text_bytes = std::exchange(n_text_bytes_, 0);
        out.push_back(std::move(first));
    }
    last.n_text_bytes = chunk.chunk.n_text_bytes + std::exchange(n_text_bytes_, 0);
    last.n_reasoning_bytes = chunk.chunk.n_reasoning_bytes;
    out.push_back(std::move(last));
}

EventLook CallRepair::whole(std::string&& body) {
    EventLook look = reader_->whole(std::move(body));
    if (look.kind != EventLook::Kind::chunk || !may_concern(look.chunk.data)) return look;
    json document = json::parse(look.chunk.data, nullptr, false);
    const auto choices = document.find("choices");
    const bool is_one = choices != document.end() && choices->is_array() && choices->size() == 1 &&
                        (*choices)[0].contains("message");
    if (!is_one) return look;
    json& choice = (*choices)[0];
    json& message = choice["message"];
    const std::string text = text_in(message, "content");
    const size_t mark = text.find(kDsmlOpen);
    if (mark == text.npos) return look;
    const LeakedBlock block =
        read_leaked_calls(std::string_view(text).substr(mark), tool_names(request_));
    const bool is_cut = text_in(choice, "finish_reason") == "length" && block.has_open_call;
    if (block.calls.empty() && !is_cut) return look;
    const std::string_view said = without_line_ends(std::string_view(text).substr(0, mark));
    message["content"] = said.empty() ? json() : json(std::string(said));
    if (!block.calls.empty()) {
        json& calls = message["tool_calls"];
        if (!calls.is_array()) calls = json::array();
        for (json& call : calls_of(block, 0, false)) calls.push_back(std::move(call));
        if (text_in(choice, "finish_reason") == "stop")
            choice["finish_reason"] = finish_reason_ = "tool_calls";
    }
    look.chunk.data = written(document);
    return look;
}

}  // namespace gateway
