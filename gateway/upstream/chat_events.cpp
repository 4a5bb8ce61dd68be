#include "gateway/upstream/chat_events.h"

#include <algorithm>
#include <utility>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/choice_look.h"
#include "gateway/upstream/finish_reason.h"
#include "gateway/upstream/json_parser.h"
#include "gateway/upstream/object_scan.h"
#include "gateway/upstream/usage_reader.h"

namespace gateway {

namespace {

using config::FailureClass;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int64_t kChoicesMax = 128;

// What JavaScript takes for true: the clients' own rule for the key `error`.
bool is_error(const element& value) {
    bool flag = true;
    std::string_view text;
    if (value.is_null()) return false;
    if (!value.get(flag)) return flag;
    if (!value.get(text)) return !text.empty();
    return true;
}

// In valid JSON a line end stands between tokens only.
void join_lines(std::string& data) {
    if (data.find_first_of("\r\n") == data.npos) return;
    for (char& c : data) {
        if (c == '\n' || c == '\r') c = ' ';
    }
}

void trim(std::string& data) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const size_t end = data.find_last_not_of(kBlanks);
    data.erase(end == data.npos ? 0 : end + 1);
    data.erase(0, std::min(data.find_first_not_of(kBlanks), data.size()));
}

std::string edited_calls(std::string_view calls, const std::vector<CallLook>& looks) {
    std::string out = "[";
    size_t n = 0;
    for (const std::string_view call : array_elements(calls)) {
        if (out.size() > 1) out += ',';
        if (call.empty() || call.front() != '{' || n == looks.size()) {
            out += call;
            continue;
        }
        const CallLook& look = looks[n++];
        std::vector<BodyEdit> edits = look.edits;
        if (!look.function_edits.empty()) {
            edits.push_back(
                {"function", edit_object(value_of(call, "function"), look.function_edits)});
        }
        out += edit_object(call, edits);
    }
    return out += ']';
}

// A choice that gives each of its silent calls the arguments "{}".
std::string arguments_for(const ChoiceLook& look) {
    std::string out = R"({"index":)" + std::to_string(look.index) + R"(,"delta":{"tool_calls":[)";
    for (const size_t n : look.silent_calls) {
        if (out.back() != '[') out += ',';
        out += R"({"index":)" + std::to_string(n) + R"(,"function":{"arguments":"{}"}})";
    }
    return out += R"(]},"finish_reason":null})";
}

// The word that a client sees, as JSON; none: as the upstream said it.
std::optional<std::string> finish_edit(const ChoiceLook& look) {
    if (!look.finish_reason) return std::nullopt;
    if (look.finish.kind == FinishReason::Kind::none) return "null";
    if (look.finish.kind != FinishReason::Kind::ended || look.finish.word == *look.finish_reason)
        return std::nullopt;
    return json_string(look.finish.word);
}

bool needs_edit(const ChoiceLook& look) {
    return !look.edits.empty() || !look.calls.empty() || finish_edit(look);
}

// What of a choice must read differently; `text` is its delta or message.
std::string edited_choice(const ChoiceLook& look, std::string_view choice, std::string_view text) {
    std::vector<BodyEdit> edits;
    if (auto finish = finish_edit(look)) edits.push_back({"finish_reason", std::move(finish)});
    if (!look.edits.empty() || !look.calls.empty()) {
        const std::string_view said = value_of(choice, text);
        std::vector<BodyEdit> inner = look.edits;
        if (!look.calls.empty()) {
            inner.push_back({"tool_calls", edited_calls(value_of(said, "tool_calls"), look.calls)});
        }
        edits.push_back({text, edit_object(said, inner)});
    }
    return edit_object(choice, edits);
}

}  // namespace

struct ChatEvents::Choice {
    bool began = false, ended = false;
    ChoiceState said;
};

struct ChatEvents::Document {
    object root;
    array choices;
    bool has_choices = false;
    bool has_usage = false;     // the member, whatever its value
    bool states_usage = false;  // it is not null
};

ChatEvents::ChatEvents(JsonParser& parser, int n_choices, bool include_usage)
    : parser_(parser), n_choices_(n_choices), include_usage_(include_usage) {}

ChatEvents::~ChatEvents() = default;

EventLook ChatEvents::event(SseEvent&& event) {
    trim(event.data);
    if (event.data.empty()) return {};
    if (event.data == "[DONE]") {
        EventLook done;
        done.kind = EventLook::Kind::done;
        return done;
    }
    if (event.type == "error") return said_error(event.data);
    return look(std::move(event.data), true);
}

EventLook ChatEvents::whole(std::string&& body) {
    trim(body);
    EventLook out = look(std::move(body), false);
    if (out.kind == EventLook::Kind::skip ||
        (out.kind == EventLook::Kind::chunk && out.chunk.usage_only)) {
        return broken(failed(FailureClass::malformed, "an answer without choices"));
    }
    if (out.kind == EventLook::Kind::chunk && !all_ended()) {
        return broken(failed(FailureClass::malformed, "an answer without finish_reason"));
    }
    return out;
}

bool ChatEvents::all_ended() const {
    const auto open = [](const Choice& choice) { return choice.began && !choice.ended; };
    return !finish_reason_.empty() && std::none_of(choices_.begin(), choices_.end(), open);
}

bool ChatEvents::asked_ended() const {
    const auto n_ended = std::count_if(choices_.begin(), choices_.end(),
                                       [](const Choice& choice) { return choice.ended; });
    return all_ended() && n_ended >= n_choices_;
}

EventLook ChatEvents::look(std::string&& data, bool streamed) {
    join_lines(data);
    data.reserve(data.size() + simdjson::SIMDJSON_PADDING);
    BorrowedParser parser(parser_, data.size());
    element root;
    if (const auto error = parser.dom().parse(data.data(), data.size(), false).get(root)) {
        return broken(failed(FailureClass::malformed, simdjson::error_message(error)));
    }
    Document document;
    if (root.get(document.root))
        return broken(failed(FailureClass::malformed, "not a JSON object"));
    element error;
    if (!document.root["error"].get(error) && is_error(error)) return said_error(data);
    element usage;
    document.has_usage = !document.root["usage"].get(usage);
    if (document.has_usage) {
        document.states_usage = !usage.is_null();
        if (auto stated = read_usage(usage)) usage_ = stated;
    }
    element choices;
    const bool absent = document.root["choices"].get(choices) || choices.is_null();
    document.has_choices = !absent;
    if (!absent && choices.get(document.choices)) {
        return broken(failed(FailureClass::malformed, "choices is not an array"));
    }
    // Some begin with a chunk about the prompt alone, which clients take for an answer's.
    const bool says_nothing = absent || (streamed && document.choices.size() == 0);
    if (says_nothing && !document.states_usage) return {};
    return look_at_choices(document, std::move(data), streamed);
}

EventLook ChatEvents::look_at_choices(const Document& document, std::string&& data, bool streamed) {
    EventLook out;
    out.kind = EventLook::Kind::chunk;
    out.chunk.usage_only = true;
    looks_.clear();
    if (document.has_choices) {
        for (const element item : document.choices) {
            object choice;
            if (item.get(choice))
                return broken(failed(FailureClass::malformed, "a choice is not an object"));
            int64_t index = 0;
            if (choice["index"].get(index)) index = 0;
            if (index < 0 || index >= kChoicesMax)
                return broken(failed(FailureClass::malformed, "a choice's index"));
            if (choices_.size() <= static_cast<size_t>(index))
                choices_.resize(static_cast<size_t>(index) + 1);
            object said;
            if (tap_ && index == 0 && !choice[streamed ? "delta" : "message"].get(said))
                tap_->hear(said);
            looks_.push_back(streamed
                                 ? look_at_delta(choice, choices_[static_cast<size_t>(index)].said)
                                 : look_at_message(choice));
            if (auto failure = note_choice(looks_.back())) {
                out.kind = EventLook::Kind::failed;
                out.failure = std::move(failure);
                return out;
            }
            out.chunk.usage_only = false;
            out.chunk.n_text_bytes += looks_.back().n_text_bytes;
            out.chunk.n_reasoning_bytes += looks_.back().n_reasoning_bytes;
        }
    }
    const auto is_empty = [](const ChoiceLook& look) { return look.is_empty; };
    if (!looks_.empty() && std::all_of(looks_.begin(), looks_.end(), is_empty)) return {};
    if (!out.chunk.usage_only) chunk_seen_ = true;
    out.chunk.data = for_client(document, std::move(data), streamed);
    if (auto before = arguments_before(out.chunk.data)) {
        out.more.push_back(std::move(out.chunk));
        out.chunk = std::move(*before);
    }
    return out;
}

// A chunk like that of `data`, for calls that end with it and have said no arguments: clients parse
// what they have joined.
std::optional<ChatChunk> ChatEvents::arguments_before(std::string_view data) const {
    std::string choices = "[";
    for (const ChoiceLook& look : looks_) {
        if (look.silent_calls.empty()) continue;
        if (choices.size() > 1) choices += ',';
        choices += arguments_for(look);
    }
    if (choices.size() == 1) return std::nullopt;
    const std::vector<BodyEdit> edits{{"choices", choices + "]"}};
    ChatChunk chunk;
    chunk.data = edit_object(data, edits);
    return chunk;
}

std::optional<Failure> ChatEvents::note_choice(const ChoiceLook& look) {
    Choice& choice = choices_[static_cast<size_t>(look.index)];
    choice.began = true;
    if (look.usage) {
        if (auto stated = read_usage(*look.usage)) usage_ = stated;
    }
    if (!look.finish_reason) return std::nullopt;
    switch (look.finish.kind) {
        case FinishReason::Kind::none:
            return std::nullopt;
        case FinishReason::Kind::ended:
            note_finish(look.index, look.finish.word);
            return std::nullopt;
        case FinishReason::Kind::broken:
            return failed(chunk_seen_ ? FailureClass::cut : FailureClass::server_error,
                          "the upstream gave up on its answer");
        case FinishReason::Kind::unknown:
            break;
    }
    return failed(FailureClass::malformed, "an unknown finish_reason");
}

void ChatEvents::note_finish(int64_t index, std::string_view word) {
    choices_[static_cast<size_t>(index)].ended = true;
    if (finish_reason_.empty() || index == 0) finish_reason_ = word;
    if (tap_ && index == 0) tap_->end();
}

std::string ChatEvents::for_client(const Document& document, std::string&& data, bool streamed) {
    std::vector<BodyEdit> edits;
    if (streamed) constants_.hold(document.root, edits);
    if (streamed && document.has_usage && !include_usage_) edits.push_back({"usage", std::nullopt});
    element obfuscation;  // whoever asked for it gets ours
    if (streamed && !document.root["obfuscation"].get(obfuscation))
        edits.push_back({"obfuscation", std::nullopt});
    // Who asked for usage gets it in a chunk of its own, and null in every other.
    const bool has_null_usage = streamed && include_usage_ && !looks_.empty();
    if (has_null_usage && document.states_usage) edits.push_back({"usage", "null"});
    if (!document.has_choices) {
        edits.push_back({"choices", "[]"});
    } else {
        if (std::any_of(looks_.begin(), looks_.end(), needs_edit)) {
            std::string choices = "[";
            size_t n = 0;
            for (const std::string_view choice : array_elements(value_of(data, "choices"))) {
                if (n == looks_.size()) break;
                if (n > 0) choices += ',';
                choices += edited_choice(looks_[n++], choice, streamed ? "delta" : "message");
            }
            edits.push_back({"choices", choices + "]"});
        }
    }
    if (!edits.empty()) data = edit_object(data, edits);
    if (has_null_usage && !document.has_usage) data.replace(data.size() - 1, 1, ",\"usage\":null}");
    return std::move(data);
}

}  // namespace gateway
