#include "gateway/upstream/responses_events.h"

#include <algorithm>
#include <utility>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/json_members.h"
#include "gateway/upstream/object_scan.h"
#include "gateway/upstream/usage_reader.h"

namespace gateway {

namespace {

using config::FailureClass;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kFunctionCallsMax = 1024;
constexpr size_t kReasoningBytesMax = 4 << 20;

// The array's members, each with the bytes that chat clients expect to find.
std::string logprobs_of(const element& given) {
    array tokens;
    if (given.get(tokens)) return "null";
    const std::vector<BodyEdit> no_bytes{{"bytes", "null"}};
    std::string out = R"({"content":[)";
    for (const element token : tokens) {
        if (!token.is_object()) continue;
        if (out.back() != '[') out += ',';
        const bool has_bytes = token.at_key("bytes").error() == simdjson::SUCCESS;
        const std::string entry = simdjson::minify(token);
        out += has_bytes ? entry : edit_object(entry, no_bytes);
    }
    return out += R"(],"refusal":null})";
}

// Every text of one kind in an item's content, joined.
std::string joined(const object& item, std::string_view list, std::string_view type,
                   std::string_view key, std::string_view between) {
    std::string out;
    array parts;
    if (item[list].get(parts)) return out;
    for (const element entry : parts) {
        object part;
        if (entry.get(part) || text_of(part, "type") != type) continue;
        if (!out.empty()) out += between;
        out += text_of(part, key);
    }
    return out;
}

std::string reasoning_of(const object& item) {
    const std::string open = joined(item, "content", "reasoning_text", "text", "");
    return open.empty() ? joined(item, "summary", "summary_text", "text", "\n\n") : open;
}

bool is_call(std::string_view type) {
    return type == "function_call" || type == "custom_tool_call";
}

// The arguments of a function, the input of a custom tool.
std::string_view said_to(const object& item) {
    return text_of(item, text_of(item, "type") == "custom_tool_call" ? "input" : "arguments");
}

}  // namespace

ResponsesEvents::Call ResponsesEvents::call_of(const Object& item) {
    return {std::string(text_of(item, "call_id")), std::string(text_of(item, "name")),
            text_of(item, "type") == "custom_tool_call", false};
}

std::string ResponsesEvents::head_of(const Call& call, std::string_view said) {
    if (!call.is_custom) return call_head(call.id, call.name, said);
    return R"("id":)" + json_string(call.id) + R"(,"type":"custom","custom":{"name":)" +
           json_string(call.name) + R"(,"input":)" + json_string(said) + "}";
}

EventLook ResponsesEvents::event(SseEvent&& event) {
    if (event.data.empty() || event.data == "[DONE]") return {};
    event.data.reserve(event.data.size() + simdjson::SIMDJSON_PADDING);
    BorrowedParser parser(parser_, event.data.size());
    object root;
    if (const auto error =
            parser.dom().parse(event.data.data(), event.data.size(), false).get(root)) {
        return broken(failed(FailureClass::malformed, simdjson::error_message(error)));
    }
    const std::string_view type = text_of(root, "type");
    EventLook look;
    object response;
    const bool has_response = !root["response"].get(response);
    if (type == "error") return said_error(event.data);
    if (type == "response.created" && has_response) {
        take_head(response);
    } else if (type == "response.output_item.added") {
        begin_item(root, look);
    } else if (type == "response.output_text.delta") {
        text(root, "content", look);
    } else if (type == "response.refusal.delta") {
        text(root, "refusal", look);
    } else if (type == "response.reasoning_summary_part.added") {
        if (number_of(root, "summary_index") > 0) reasoning("\n\n", look);
    } else if (type == "response.reasoning_summary_text.delta" ||
               type == "response.reasoning_text.delta") {
        reasoning(text_of(root, "delta"), look);
    } else if (type == "response.function_call_arguments.delta" ||
               type == "response.custom_tool_call_input.delta") {
        arguments(root, "delta", look);
    } else if (type == "response.custom_tool_call_input.done") {
        arguments(root, "input", look);
    } else if (type == "response.function_call_arguments.done") {
        arguments(root, "arguments", look);
    } else if (type == "response.output_item.done") {
        end_item(root, look);
    } else if (has_response && (type == "response.completed" || type == "response.incomplete" ||
                                type == "response.failed" || type == "response.cancelled")) {
        end(response, look);
    }
    return look;
}

void ResponsesEvents::take_head(const Object& response) {
    const std::string_view id = text_of(response, "id");
    writer_.id = "chatcmpl-" + std::string(id.starts_with("resp_") ? id.substr(5) : id);
    writer_.model = text_of(response, "model");
    writer_.tier = text_of(response, "service_tier");
    writer_.created = std::max<int64_t>(number_of(response, "created_at"), 0);
}

void ResponsesEvents::begin_item(const Object& event, EventLook& look) {
    object item;
    if (event["item"].get(item)) return;
    const std::string_view type = text_of(item, "type");
    if (type == "message") has_text_ = false;
    if (!is_call(type) || calls_.size() >= kFunctionCallsMax) return;
    Call call = call_of(item);
    const std::string_view arguments = said_to(item);
    call.has_arguments = !arguments.empty();
    AnswerPiece piece;
    piece.members = R"("tool_calls":[{"index":)" + std::to_string(calls_.size()) + "," +
                    head_of(call, arguments) + "}]";
    piece.n_text_bytes = static_cast<int64_t>(arguments.size());
    call_places_[number_of(event, "output_index")] = calls_.size();
    calls_.push_back(std::move(call));
    writer_.add(std::move(piece), look);
}

// What no delta has said is said now: some servers send whole items only.
void ResponsesEvents::end_item(const Object& event, EventLook& look) {
    object item;
    if (event["item"].get(item)) return;
    const std::string_view type = text_of(item, "type");
    if (type == "reasoning") {
        const std::string bytes = simdjson::minify(item);
        if (reasoning_items_.size() + bytes.size() > kReasoningBytesMax) return;
        if (!reasoning_items_.empty()) reasoning_items_ += ',';
        reasoning_items_ += bytes;
    } else if (type == "message" && !has_text_) {
        AnswerPiece piece;
        const std::string said = joined(item, "content", "output_text", "text", "");
        if (said.empty()) return;
        piece.members = R"("content":)" + json_string(said);
        piece.n_text_bytes = static_cast<int64_t>(said.size());
        writer_.add(std::move(piece), look);
    } else if (is_call(type)) {
        if (!call_places_.contains(number_of(event, "output_index"))) begin_item(event, look);
    }
}

void ResponsesEvents::text(const Object& event, const char* member, EventLook& look) {
    const std::string_view delta = text_of(event, "delta");
    if (delta.empty()) return;
    has_text_ = true;
    AnswerPiece piece;
    piece.members = '"' + std::string(member) + "\":" + json_string(delta);
    piece.n_text_bytes = static_cast<int64_t>(delta.size());
    element logprobs;
    if (terms_.logprobs && !event["logprobs"].get(logprobs)) piece.logprobs = logprobs_of(logprobs);
    writer_.add(std::move(piece), look);
}

void ResponsesEvents::reasoning(std::string_view delta, EventLook& look) {
    if (delta.empty()) return;
    AnswerPiece piece;
    piece.members = R"("reasoning_content":)" + json_string(delta);
    piece.n_text_bytes = piece.n_reasoning_bytes = static_cast<int64_t>(delta.size());
    writer_.add(std::move(piece), look);
}

void ResponsesEvents::arguments(const Object& event, const char* from, EventLook& look) {
    const auto place = call_places_.find(number_of(event, "output_index"));
    if (place == call_places_.end()) return;
    Call& call = calls_[place->second];
    const bool is_whole = std::string_view(from) != "delta";
    const std::string_view text = text_of(event, from);
    if (text.empty() || (is_whole && call.has_arguments)) return;
    call.has_arguments = true;
    AnswerPiece piece;
    piece.members = R"("tool_calls":[{"index":)" + std::to_string(place->second) +
                    (call.is_custom ? R"(,"custom":{"input":)" : R"(,"function":{"arguments":)") +
                    json_string(text) + "}}]";
    piece.n_text_bytes = static_cast<int64_t>(text.size());
    writer_.add(std::move(piece), look);
}

std::optional<Failure> ResponsesEvents::judge(const Object& response) {
    element usage;
    if (!response["usage"].get(usage)) {
        if (auto stated = read_usage(usage)) usage_ = stated;
    }
    const std::string_view status = text_of(response, "status");
    if (status == "failed" || status == "cancelled") {
        ErrorBody body;
        object error;
        if (!response["error"].get(error)) {
            body.message = text_of(error, "message");
            body.code = text_of(error, "code");
        }
        return classify(200, body);
    }
    if (status != "completed" && status != "incomplete")
        return failed(FailureClass::malformed, "a response without an end");
    object details;
    const std::string_view reason = response["incomplete_details"].get(details)
                                        ? std::string_view()
                                        : text_of(details, "reason");
    if (status == "incomplete")
        finish_reason_ = reason == "content_filter" ? "content_filter" : "length";
    else
        finish_reason_ = calls_.empty() ? "stop" : "tool_calls";
    if (!calls_.empty() && !reasoning_items_.empty() && terms_.keep) {
        std::vector<std::string> ids;
        for (const Call& call : calls_) ids.push_back(call.id);
        terms_.keep(ids, '[' + std::exchange(reasoning_items_, {}) + ']');
    }
    return {};
}

void ResponsesEvents::end(const Object& response, EventLook& look) {
    if (writer_.model.empty()) take_head(response);
    if (const std::string_view tier = text_of(response, "service_tier"); !tier.empty())
        writer_.tier = tier;
    if (auto failure = judge(response)) {
        look = broken(std::move(*failure));
        return;
    }
    writer_.end(finish_reason_, usage_, look);
    look.is_last = true;
}

std::string ResponsesEvents::message_of(const Object& response, ChatChunk& counts) const {
    std::string content, refusal, thoughts, calls, logprobs = "null";
    array output;
    if (response["output"].get(output)) return {};
    size_t n_calls = 0;
    for (const element entry : output) {
        object item;
        if (entry.get(item)) continue;
        const std::string_view type = text_of(item, "type");
        if (type == "message") {
            content += joined(item, "content", "output_text", "text", "");
            refusal += joined(item, "content", "refusal", "refusal", "");
            element said;
            if (terms_.logprobs && !item.at_pointer("/content/0/logprobs").get(said))
                logprobs = logprobs_of(said);
        } else if (type == "reasoning") {
            if (!thoughts.empty()) thoughts += "\n\n";
            thoughts += reasoning_of(item);
        } else if (is_call(type) && n_calls < calls_.size()) {
            const std::string_view arguments = said_to(item);
            if (!calls.empty()) calls += ',';
            calls += '{' + head_of(calls_[n_calls], arguments) + '}';
            counts.n_text_bytes += static_cast<int64_t>(arguments.size());
            ++n_calls;
        }
    }
    counts.n_reasoning_bytes = static_cast<int64_t>(thoughts.size());
    counts.n_text_bytes += static_cast<int64_t>(content.size() + refusal.size() + thoughts.size());
    std::string out = R"({"index":0,"message":{"role":"assistant","content":)";
    out += content.empty() && !(calls.empty() && refusal.empty()) ? "null" : json_string(content);
    if (!thoughts.empty()) out += R"(,"reasoning_content":)" + json_string(thoughts);
    if (!calls.empty()) out += R"(,"tool_calls":[)" + calls + ']';
    out += R"(,"refusal":)" + (refusal.empty() ? "null" : json_string(refusal)) +
           R"(,"annotations":[]},"logprobs":)" + logprobs;
    return out += R"(,"finish_reason":)" + json_string(finish_reason_) + '}';
}

EventLook ResponsesEvents::whole(std::string&& body) {
    simdjson::dom::parser parser;
    object response;
    if (const auto error = parser.parse(body).get(response))
        return broken(failed(FailureClass::malformed, simdjson::error_message(error)));
    const bool is_response = text_of(response, "object") == "response";
    element error;
    if (!is_response && !response["error"].get(error) && !error.is_null()) return said_error(body);
    if (!is_response) return broken(failed(FailureClass::malformed, "an answer of another kind"));
    take_head(response);
    array output;
    const bool has_output = !response["output"].get(output);
    if (has_output) {
        for (const element entry : output) {
            object item;
            if (entry.get(item)) continue;
            const std::string_view type = text_of(item, "type");
            if (is_call(type) && calls_.size() < kFunctionCallsMax) {
                calls_.push_back(call_of(item));
            } else if (type == "reasoning" && reasoning_items_.size() < kReasoningBytesMax) {
                if (!reasoning_items_.empty()) reasoning_items_ += ',';
                reasoning_items_ += simdjson::minify(entry);
            }
        }
    }
    if (auto failure = judge(response)) return broken(std::move(*failure));
    if (!has_output) return broken(failed(FailureClass::malformed, "a response without output"));
    EventLook look;
    look.kind = EventLook::Kind::chunk;
    const std::string choice = message_of(response, look.chunk);
    look.chunk.data = writer_.whole(choice, usage_);
    return look;
}

}  // namespace gateway
