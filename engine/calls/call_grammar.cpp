#include "engine/calls/call_grammar.h"

#include <algorithm>

namespace engine {
namespace {

using At = CallMachine::At;

constexpr auto kTextItself = [](const std::string& text) -> const std::string& { return text; };

// Text that leaves no choice, and what stands behind it. Empty: there is a choice.
struct Tag {
    std::string_view text;
    At next;
};
Tag tag_of(At at) {
    switch (at) {
        case At::lead:
            return {"\n\n<", At::lead_end};
        case At::wrapper:
            return {"tool_calls>\n<", At::wrapper_end};
        case At::invoke:
            return {"invoke name=\"", At::tool_name};
        case At::head:
            return {">\n", At::body};
        case At::empty_call:
            return {"</", At::call_close};
        case At::parameter:
            return {"parameter name=\"", At::key};
        case At::kind:
            return {" string=\"", At::kind_word};
        case At::kind_true:
            return {"rue\">", At::text};
        case At::kind_false:
            return {"alse\">", At::json};
        case At::json_close:
            return {"/", At::json_end};
        case At::parameter_close:
            return {"parameter>\n<", At::next_parameter};
        case At::invoke_close:
            return {"invoke>\n<", At::next_call};
        case At::wrapper_close:
            return {"tool_calls>", At::done};
        default:
            return {{}, at};
    }
}

// Of sorted names, those that have `byte` at n, in [begin, end).
template <class Rule>
void narrow(const std::vector<Rule>& rules, CallMachine::Place& place, uint8_t byte) {
    const auto goes_on = [&](uint32_t i) {
        const std::string& name = rules[i].name;
        return name.size() > place.n && static_cast<uint8_t>(name[place.n]) == byte;
    };
    while (place.begin < place.end && !goes_on(place.begin)) ++place.begin;
    uint32_t end = place.begin;
    while (end < place.end && goes_on(end)) ++end;
    place.end = end;
}

// The first of a range is the shortest.
template <class Rule>
bool is_whole(const std::vector<Rule>& rules, const CallMachine::Place& place) {
    return place.begin < place.end && rules[place.begin].name.size() == place.n;
}

uint8_t kinds_of(const ToolRule& tool, size_t key) {
    return key == CallMachine::kAnyKey ? json_kinds::any : tool.parameters[key].kinds;
}

}  // namespace

Result<std::shared_ptr<const CallGrammar>> CallGrammar::make(std::string_view tools,
                                                             const ToolChoice& choice) {
    auto rules = read_tool_rules(tools, choice);
    if (!rules) return tl::unexpected(rules.error());
    auto grammar = std::make_shared<CallGrammar>();
    if (choice.mode != ToolChoice::Mode::none) grammar->tools_ = std::move(*rules);
    grammar->must_call_ = choice.mode == ToolChoice::Mode::required;
    grammar->n_calls_max_ = choice.n_calls_max;
    if (grammar->must_call_ && !grammar->may_call()) {
        return tl::unexpected(
            Error{Errc::prompt_invalid, "a call is required, and there is no tool to be called"});
    }
    return grammar;
}

CallMachine::CallMachine(std::shared_ptr<const CallGrammar> grammar, At at)
    : grammar_(std::move(grammar)) {
    place_.at = at;
}

bool CallMachine::go(Place& place, At at) {
    place.at = at;
    place.n = 0;
    return true;
}

bool CallMachine::advance(Place& place, uint8_t byte) const {
    if (const Tag tag = tag_of(place.at); !tag.text.empty()) {
        if (static_cast<uint8_t>(tag.text[place.n]) != byte) return false;
        if (++place.n < tag.text.size()) return true;
        go(place, tag.next);
        if (place.at == At::tool_name) {
            place.begin = 0;
            place.end = static_cast<uint32_t>(grammar_->tools().size());
        } else if (place.at == At::key) {
            place.begin = 0;
            place.end = static_cast<uint32_t>(grammar_->tools()[place.tool].parameters.size());
        } else if (place.at == At::text) {
            place.texts = {0, static_cast<uint32_t>(texts(place).size()), 0};
        } else if (place.at == At::json) {
            const ToolRule& tool = grammar_->tools()[place.tool];
            if (tool.schema) {
                place.value = SchemaMachine(*tool.schema, tool.parameters[place.key].edge);
            } else {
                place.json = JsonMachine(kinds_of(tool, place.key));
            }
        }
        return true;
    }
    switch (place.at) {
        case At::tool_name:
            return advance_tool_name(place, byte);
        case At::body:
            if (byte == '\n') return may_close(place) && go(place, At::empty_call);
            return byte == '<' && may_have_more(place) && go(place, At::parameter_open);
        case At::key:
            return advance_key(place, byte);
        case At::kind_word: {
            const uint8_t kinds = kinds_of(grammar_->tools()[place.tool], place.key);
            if (byte == 't') return (kinds & json_kinds::string) && go(place, At::kind_true);
            return byte == 'f' && kinds != json_kinds::string && go(place, At::kind_false);
        }
        case At::text:
            return advance_text(place, byte);
        case At::json:
            return advance_json(place, byte);
        case At::next_parameter:
            return byte == '/' && may_close(place) && go(place, At::call_close);
        case At::next_call:
            return byte == '/' && go(place, At::calls_close);
        default:
            return false;
    }
}

bool CallMachine::advance_tool_name(Place& place, uint8_t byte) const {
    const auto& tools = grammar_->tools();
    if (byte == '"') {
        if (!is_whole(tools, place)) return false;
        place.tool = place.begin;
        return go(place, At::head);
    }
    narrow(tools, place, byte);
    ++place.n;
    return place.begin < place.end;
}

bool CallMachine::advance_key(Place& place, uint8_t byte) const {
    const ToolRule& tool = grammar_->tools()[place.tool];
    const auto open = [&](size_t key) { return !written_[key]; };
    if (byte == '"') {
        const bool known = is_whole(tool.parameters, place);
        if (known ? !open(place.begin) : !tool.any_parameter || place.n == 0) return false;
        place.key = known ? place.begin : kAnyKey;
        return go(place, At::kind);
    }
    narrow(tool.parameters, place, byte);
    ++place.n;
    for (size_t key = place.begin; key < place.end; ++key) {
        if (open(key)) return true;
    }
    return tool.any_parameter && byte >= 0x20 && byte != '<' && byte != '\\';
}

bool CallMachine::advance_text(Place& place, uint8_t byte) const {
    place.n = byte == '<' ? 1 : byte == '/' && place.n == 1 ? 2 : 0;
    const std::vector<std::string>& texts = this->texts(place);
    if (texts.empty()) return true;
    place.texts.narrow(texts, kTextItself, byte);
    return place.texts.any();
}

bool CallMachine::advance_json(Place& place, uint8_t byte) const {
    const bool is_strict = grammar_->tools()[place.tool].schema != nullptr;
    const bool is_whole = is_strict ? place.value.complete() : place.json.complete();
    if (byte == '<' && is_whole) return go(place, At::json_close);
    return is_strict ? place.value.push(byte) : place.json.push(byte);
}

JsonText CallMachine::text(const Place& place) const {
    const ToolRule& tool = grammar_->tools()[place.tool];
    if (place.at == At::key && tool.any_parameter) {
        const bool is_any = place.n > 0 && place.begin == place.end;
        return is_any ? JsonText::name : JsonText::listed;
    }
    if (place.at != At::json) return JsonText::none;
    return tool.schema ? place.value.text() : place.json.text();
}

// What the text under way may be; empty: any text.
const std::vector<std::string>& CallMachine::texts(const Place& place) const {
    static const std::vector<std::string> kAny;
    const ToolRule& tool = grammar_->tools()[place.tool];
    return place.key == kAnyKey ? kAny : tool.parameters[place.key].texts;
}

bool CallMachine::in_listed_text() const {
    return place_.at == At::text && !texts(place_).empty();
}

bool CallMachine::may_close(const Place& place) const {
    const std::vector<ParameterRule>& parameters = grammar_->tools()[place.tool].parameters;
    for (size_t key = 0; key < parameters.size(); ++key) {
        const bool is_written = place.at != At::body && written_[key];
        if (parameters[key].required && !is_written) return false;
    }
    return true;
}

bool CallMachine::may_have_more(const Place& place) const {
    const ToolRule& tool = grammar_->tools()[place.tool];
    // Behind a name that was written just now, nothing is written yet.
    if (place.at == At::body) return tool.any_parameter || !tool.parameters.empty();
    return tool.any_parameter ||
           std::find(written_.begin(), written_.end(), false) != written_.end();
}

bool CallMachine::takes_dsml() const {
    switch (place_.at) {
        case At::lead_end:
        case At::wrapper_end:
        case At::parameter_open:
        case At::json_end:
        case At::call_close:
        case At::calls_close:
            return true;
        case At::text:
            return place_.n == 2 &&
                   (!in_listed_text() || place_.texts.whole(texts(place_), kTextItself));
        case At::next_parameter:
            return may_have_more(place_);
        case At::next_call:
            return grammar_->may_call_more(n_calls_);
        default:
            return false;
    }
}

bool CallMachine::push_dsml() {
    if (!takes_dsml()) return false;
    switch (place_.at) {
        case At::lead_end:
            return go(place_, At::wrapper);
        case At::wrapper_end:
        case At::next_call:
            ++n_calls_;
            return go(place_, At::invoke);
        case At::parameter_open:
            written_.assign(tool().parameters.size(), false);
            return go(place_, At::parameter);
        case At::next_parameter:
            return go(place_, At::parameter);
        case At::text:
        case At::json_end:
            if (place_.key != kAnyKey) written_[place_.key] = true;
            return go(place_, At::parameter_close);
        case At::call_close:
            return go(place_, At::invoke_close);
        case At::calls_close:
            return go(place_, At::wrapper_close);
        default:
            return false;
    }
}

}  // namespace engine
