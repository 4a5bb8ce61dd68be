#include "gateway/upstream/messages_events.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/api/request_id.h"
#include "gateway/upstream/finish_reason.h"
#include "gateway/upstream/json_members.h"
#include "gateway/upstream/object_scan.h"
#include "gateway/upstream/usage_reader.h"

namespace gateway {

namespace {

using config::FailureClass;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kToolUsesMax = 1024;
constexpr size_t kOpenBlocksMax = 64;
constexpr size_t kKeptBytesMax = 4 << 20;
constexpr size_t kNameBytesMax = 256;  // of ids and names, which every chunk or call repeats

std::string_view bounded(std::string_view name) {
    return name.size() <= kNameBytesMax ? name : std::string_view();
}

// An error inside a 200 has the status that the vendor gives its type (openai-wire 5.4).
EventLook said_messages_error(std::string_view data) {
    constexpr std::array<std::pair<std::string_view, int>, 4> kStatusOfType = {
        {{"invalid_request_error", 400},
         {"not_found_error", 404},
         {"request_too_large", 413},
         {"timeout_error", 504}}};
    ErrorBody body = read_error_body(data);
    for (const auto& [type, status] : kStatusOfType)
        if (body.type == type) body.status = status;
    return broken(classify(200, body));
}

// Counts are cumulative. Some servers know the prompt's at the beginning alone, some at the end.
Usage later(const Usage& begun, const Usage& stated) {
    Usage out = stated.n_prompt >= begun.n_prompt ? stated : begun;
    out.n_output = std::max(begun.n_output, stated.n_output);
    out.n_reasoning = std::max(begun.n_reasoning, stated.n_reasoning);
    return out;
}

bool is_cut(std::string_view finish_reason) {
    return finish_reason == "length" || finish_reason == "content_filter";
}

}  // namespace

MessagesEvents::MessagesEvents(JsonParser& parser, Terms terms)
    : parser_(parser), terms_(std::move(terms)), writer_(terms_.include_usage) {
    writer_.created = terms_.created;
    writer_.tells_reasoning = false;
}

EventLook MessagesEvents::event(SseEvent&& event) {
    if (event.data.empty()) return {};
    event.data.reserve(event.data.size() + simdjson::SIMDJSON_PADDING);
    BorrowedParser parser(parser_, event.data.size());
    object root;
    if (const auto error =
            parser.dom().parse(event.data.data(), event.data.size(), false).get(root)) {
        return broken(failed(FailureClass::malformed, simdjson::error_message(error)));
    }
    const std::string_view type = text_of(root, "type");
    EventLook look;
    object message;
    if (type == "error" || event.type == "error") return said_messages_error(event.data);
    if (type == "message_start") {
        if (!root["message"].get(message)) take_head(message);
    } else if (type == "content_block_start") {
        if (open_.size() >= kOpenBlocksMax)
            return broken(failed(FailureClass::malformed, "too many open content blocks"));
        begin_block(root, look);
    } else if (type == "content_block_delta") {
        go_on(root, look);
    } else if (type == "content_block_stop") {
        end_block(root);
    } else if (type == "message_delta") {
        if (auto failure = end(root, look)) return broken(std::move(*failure));
    } else if (type == "message_stop") {
        look.kind = EventLook::Kind::done;
    }
    return look;
}

void MessagesEvents::take_head(const Object& message) {
    const std::string_view id = bounded(text_of(message, "id"));
    writer_.id = "chatcmpl-" + std::string(id.starts_with("msg_") ? id.substr(4) : id);
    writer_.model = bounded(text_of(message, "model"));
    note_usage(message, false);
}

void MessagesEvents::note_usage(const Object& from, bool is_final) {
    element usage;
    object members;
    if (from["usage"].get(usage) || usage.get(members)) return;
    if (const std::string_view tier = text_of(members, "service_tier"); !tier.empty())
        writer_.tier = tier == "standard" ? "default" : tier == "priority" ? "priority" : "";
    const auto stated = read_messages_usage(usage);
    if (!stated) return;
    if (stated->n_reasoning > 0) writer_.tells_reasoning = true;
    begun_ = begun_ ? later(*begun_, *stated) : *stated;
    if (is_final) usage_ = begun_;
}

void MessagesEvents::begin_block(const Object& event, EventLook& look) {
    object content;
    if (!finish_reason_.empty() || event["content_block"].get(content)) return;
    Block block = block_of(content);
    const std::string said = std::exchange(block.text, {});
    switch (block.kind) {
        case Block::Kind::text:
            text(block, said, look);  // "" says nothing: the first words come at once
            break;
        case Block::Kind::thinking:
        case Block::Kind::redacted:
            writer_.begin(look);  // reasoning may stay unheard for minutes
            thinking(block, said, look);
            break;
        case Block::Kind::call:
            begin_call(block.call, look);
            break;
        case Block::Kind::other:
            break;
    }
    open_.insert_or_assign(number_of(event, "index"), std::move(block));
}

void MessagesEvents::begin_call(size_t place, EventLook& look) {
    const Call& call = calls_[place];
    AnswerPiece piece;
    piece.members = R"("tool_calls":[{"index":)" + std::to_string(place) + "," +
                    call_head(call.id, call.name, "") + "}]";
    writer_.add(std::move(piece), look);
    if (call.arguments != "{}") arguments(place, call.arguments, look);
}

MessagesEvents::Block MessagesEvents::block_of(const Object& content) {
    const std::string_view type = text_of(content, "type");
    Block block;
    if (type == "text") {
        block.kind = Block::Kind::text;
        block.text = text_of(content, "text");
    } else if (type == "thinking") {
        block.kind = Block::Kind::thinking;
        block.text = text_of(content, "thinking");
        retain(block.signature, text_of(content, "signature"));
    } else if (type == "redacted_thinking") {
        block.kind = Block::Kind::redacted;
        retain(block.signature, text_of(content, "data"));
    } else if (type == "tool_use" && calls_.size() < kToolUsesMax) {
        block.kind = Block::Kind::call;
        block.call = add_call(content);
    }
    return block;
}

size_t MessagesEvents::add_call(const Object& content) {
    Call call;
    call.id = bounded(text_of(content, "id"));
    if (call.id.empty()) call.id = new_call_id();
    call.name = bounded(text_of(content, "name"));
    object input;
    call.arguments = content["input"].get(input) ? "{}" : simdjson::minify(input);
    calls_.push_back(std::move(call));
    return calls_.size() - 1;
}

void MessagesEvents::go_on(const Object& event, EventLook& look) {
    object delta;
    const auto place = open_.find(number_of(event, "index"));
    if (place == open_.end() || event["delta"].get(delta)) return;
    Block& block = place->second;
    const std::string_view type = text_of(delta, "type");
    if (type == "text_delta" && block.kind == Block::Kind::text)
        text(block, text_of(delta, "text"), look);
    else if (type == "thinking_delta" && block.kind == Block::Kind::thinking)
        thinking(block, text_of(delta, "thinking"), look);
    else if (type == "signature_delta" && block.kind == Block::Kind::thinking)
        retain(block.signature, text_of(delta, "signature"));
    else if (type == "input_json_delta" && block.kind == Block::Kind::call)
        arguments(block.call, text_of(delta, "partial_json"), look);
}

void MessagesEvents::text(Block& block, std::string_view text, EventLook& look) {
    if (text.empty()) return;
    retain(block.text, text);
    AnswerPiece piece;
    piece.members = R"("content":)" + json_string(text);
    piece.n_text_bytes = static_cast<int64_t>(text.size());
    writer_.add(std::move(piece), look);
}

void MessagesEvents::thinking(Block& block, std::string_view text, EventLook& look) {
    if (text.empty()) return;
    retain(block.text, text);
    const bool opens = !std::exchange(block.has_text, true);
    const bool goes_on = std::exchange(has_thought_, true);
    const std::string said = (opens && goes_on ? "\n\n" : "") + std::string(text);
    AnswerPiece piece;
    piece.members = R"("reasoning_content":)" + json_string(said);
    piece.n_text_bytes = piece.n_reasoning_bytes = static_cast<int64_t>(said.size());
    writer_.add(std::move(piece), look);
}

void MessagesEvents::arguments(size_t call, std::string_view text, EventLook& look) {
    if (text.empty()) return;
    calls_[call].has_arguments = true;
    AnswerPiece piece;
    piece.members = R"("tool_calls":[{"index":)" + std::to_string(call) +
                    R"(,"function":{"arguments":)" + json_string(text) + "}}]";
    piece.n_text_bytes = static_cast<int64_t>(text.size());
    writer_.add(std::move(piece), look);
}

void MessagesEvents::end_block(const Object& event) {
    const auto place = open_.find(number_of(event, "index"));
    if (place == open_.end()) return;
    keep_block(place->second);
    open_.erase(place);
}

// A block that is kept in part is none that the vendor takes back: n_kept_bytes_ tells.
void MessagesEvents::retain(std::string& into, std::string_view text) {
    if (!terms_.keep) return;
    n_kept_bytes_ += text.size();
    if (n_kept_bytes_ <= kKeptBytesMax) into += text;
}

void MessagesEvents::keep_block(const Block& block) {
    if (!terms_.keep || n_kept_bytes_ > kKeptBytesMax) return;
    switch (block.kind) {
        case Block::Kind::text:
            if (block.text.empty()) return;
            kept_.push_back(R"({"type":"text","text":)" + json_string(block.text) + '}');
            return;
        case Block::Kind::thinking:
            has_signed_ = true;
            kept_.push_back(R"({"type":"thinking","thinking":)" + json_string(block.text) +
                            R"(,"signature":)" + json_string(block.signature) + '}');
            return;
        case Block::Kind::redacted:
            has_signed_ = true;
            kept_.push_back(R"({"type":"redacted_thinking","data":)" +
                            json_string(block.signature) + '}');
            return;
        case Block::Kind::call:
            kept_.push_back(R"({"type":"tool_use","id":)" + json_string(calls_[block.call].id) +
                            '}');
            return;
        case Block::Kind::other:
            return;
    }
}

void MessagesEvents::keep_all() {
    if (!terms_.keep || !has_signed_ || calls_.empty() || n_kept_bytes_ > kKeptBytesMax) return;
    std::vector<std::string> ids;
    for (const Call& call : calls_) ids.push_back(call.id);
    std::string blocks = "[";
    for (const std::string& block : kept_) {
        if (blocks.size() > 1) blocks += ',';
        blocks += block;
    }
    terms_.keep(ids, blocks + ']');
}

// Whoever ends with calls is told so. False: no end that is known.
bool MessagesEvents::finish(std::string_view stop_reason) {
    const FinishReason reason = read_finish_reason(stop_reason);
    if (reason.kind != FinishReason::Kind::ended) return false;
    const bool calls = reason.word == "stop" && !calls_.empty();
    finish_reason_ = calls ? "tool_calls" : std::string(reason.word);
    return true;
}

std::optional<Failure> MessagesEvents::end(const Object& event, EventLook& look) {
    note_usage(event, true);
    object delta;
    if (event["delta"].get(delta) || !finish_reason_.empty()) return {};
    const std::string_view stop_reason = text_of(delta, "stop_reason");
    if (stop_reason.empty()) return {};
    if (!finish(stop_reason)) return failed(FailureClass::malformed, "an unknown stop_reason");
    for (const auto& [index, block] : open_) keep_block(block);
    open_.clear();
    if (!is_cut(finish_reason_)) fill_silent_calls(look);
    keep_all();
    writer_.end(finish_reason_, usage_, look);
    return {};
}

void MessagesEvents::fill_silent_calls(EventLook& look) {
    for (size_t i = 0; i < calls_.size(); ++i)
        if (!calls_[i].has_arguments) arguments(i, "{}", look);
}

EventLook MessagesEvents::whole(std::string&& body) {
    simdjson::dom::parser parser;
    object message;
    if (const auto error = parser.parse(body).get(message))
        return broken(failed(FailureClass::malformed, simdjson::error_message(error)));
    const bool is_message = text_of(message, "type") == "message";
    element error;
    if (!is_message && !message["error"].get(error) && !error.is_null())
        return said_messages_error(body);
    array content;
    if (!is_message || message["content"].get(content))
        return broken(failed(FailureClass::malformed, "an answer of another kind"));
    take_head(message);
    note_usage(message, true);
    std::vector<Block> blocks;
    for (const element entry : content) {
        object given;
        if (entry.get(given)) continue;
        blocks.push_back(block_of(given));
        n_kept_bytes_ += blocks.back().text.size();
        keep_block(blocks.back());
    }
    if (!finish(text_of(message, "stop_reason")))
        return broken(failed(FailureClass::malformed, "an answer without an end"));
    keep_all();
    EventLook look;
    look.kind = EventLook::Kind::chunk;
    const std::string choice = message_of(blocks, look.chunk);
    look.chunk.data = writer_.whole(choice, usage_);
    return look;
}

std::string MessagesEvents::message_of(const std::vector<Block>& blocks, ChatChunk& counts) const {
    std::string content, thoughts, calls;
    for (const Block& block : blocks) {
        if (block.kind == Block::Kind::text) content += block.text;
        if (block.kind == Block::Kind::thinking && !block.text.empty())
            thoughts += (thoughts.empty() ? "" : "\n\n") + block.text;
    }
    for (const Call& call : calls_) {
        if (!calls.empty()) calls += ',';
        calls += '{' + call_head(call.id, call.name, call.arguments) + '}';
        counts.n_text_bytes += static_cast<int64_t>(call.arguments.size());
    }
    counts.n_reasoning_bytes = static_cast<int64_t>(thoughts.size());
    counts.n_text_bytes += static_cast<int64_t>(content.size() + thoughts.size());
    std::string out = R"({"index":0,"message":{"role":"assistant","content":)";
    out += content.empty() && !calls.empty() ? "null" : json_string(content);
    if (!thoughts.empty()) out += R"(,"reasoning_content":)" + json_string(thoughts);
    if (!calls.empty()) out += R"(,"tool_calls":[)" + calls + ']';
    out += R"(,"refusal":null,"annotations":[]},"logprobs":null)";
    return out += R"(,"finish_reason":)" + json_string(finish_reason_) + '}';
}

}  // namespace gateway
