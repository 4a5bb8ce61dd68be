#include "engine/chat/answer_mask.h"

#include <algorithm>

namespace engine {
namespace {

// A token that begins the name of the DSML token: its first character, or a part of that.
bool begins_dsml(std::string_view bytes) {
    constexpr std::string_view kBar = "｜";
    const size_t n = std::min(bytes.size(), kBar.size());
    return bytes.substr(0, n) == kBar.substr(0, n);
}

bool has_less(std::string_view bytes) {
    return bytes.find('<') != std::string_view::npos;
}

}  // namespace

AnswerMask::AnswerMask(const Tokenizer& tokenizer, const ControlIds& controls, int64_t n_vocab)
    : tokenizer_(tokenizer), controls_(controls), vocabulary_(tokenizer) {
    AnswerTokens tokens = answer_tokens(tokenizer, controls, n_vocab);
    Mask text = tokens.content;
    set(text, Control::eos, TokenUse::never);
    json_string_ = text;
    for (const int32_t id : vocabulary_.breaking()) {
        if (id < n_vocab) json_string_[static_cast<size_t>(id)] = TokenUse::never;
    }
    key_ = json_string_;
    for (size_t id = 0; id < key_.size(); ++id) {
        if (key_[id] == TokenUse::text && has_less(tokenizer.bytes(static_cast<int32_t>(id))))
            key_[id] = TokenUse::never;
    }
    tags_.assign(text.size(), TokenUse::never);
    think_end_ = tags_;
    set(think_end_, Control::think_end, TokenUse::control);
    thinking_ = masks_of(std::move(tokens.thinking));
    content_ = masks_of(std::move(tokens.content));
    value_ = masks_of(std::move(text));
}

AnswerMask::Masks AnswerMask::masks_of(Mask plain) const {
    Mask behind_less = plain;
    for (size_t id = 0; id < plain.size(); ++id) {
        if (plain[id] == TokenUse::text && begins_dsml(tokenizer_.bytes(static_cast<int32_t>(id))))
            behind_less[id] = TokenUse::never;
    }
    return {std::move(plain), std::move(behind_less)};
}

void AnswerMask::set(Mask& mask, Control control, TokenUse use) const {
    const int32_t id = controls_[control];
    if (id >= 0 && static_cast<size_t>(id) < mask.size()) mask[static_cast<size_t>(id)] = use;
}

std::span<const TokenUse> AnswerMask::next(const AnswerStream& answer) {
    for (const int32_t id : found_) (*changed_)[static_cast<size_t>(id)] = TokenUse::never;
    found_.clear();
    switch (answer.state()) {
        case AnswerStream::State::thinking:
            return answer.must_end_thinking() ? think_end_ : text(thinking_, answer);
        case AnswerStream::State::calls:
            if (!answer.calls()->broken()) return calls(answer.calls()->machine());
            [[fallthrough]];
        case AnswerStream::State::content:
        case AnswerStream::State::ended:
            break;
    }
    if (const FormatMachine* const format = answer.format()) {
        const auto use = [](bool may) { return may ? TokenUse::control : TokenUse::never; };
        return found(*format, json_string_, use(format->takes_dsml()), use(format->complete()));
    }
    return text(content_, answer);
}

std::span<const TokenUse> AnswerMask::text(Masks& masks, const AnswerStream& answer) {
    const CallGrammar* grammar = answer.grammar();
    const bool is_less = answer.tail() == AnswerStream::Tail::less;
    const bool is_plain = !grammar || answer.tail() == AnswerStream::Tail::other;
    Mask& mask = is_plain ? masks.plain : masks.behind_less;
    const bool opens = grammar && grammar->may_call() && is_less;
    set(mask, Control::dsml, opens ? TokenUse::control : TokenUse::never);
    const bool ends = (!grammar || !grammar->must_call()) && !answer.format();
    set(mask, Control::eos, ends ? TokenUse::control : TokenUse::never);
    return mask;
}

std::span<const TokenUse> AnswerMask::calls(const CallMachine& machine) {
    const CallMachine::Place& place = machine.place();
    const TokenUse dsml = machine.takes_dsml() ? TokenUse::control : TokenUse::never;
    const bool is_text = place.at == CallMachine::At::text && !machine.in_listed_text();
    if (place.at == CallMachine::At::key) return found(machine, key_, dsml, TokenUse::never);
    if (!is_text) return found(machine, json_string_, dsml, TokenUse::never);
    Mask& mask = place.n == 0 ? value_.plain : value_.behind_less;
    set(mask, Control::dsml, dsml);
    return mask;
}

template <class Machine>
std::span<const TokenUse> AnswerMask::found(const Machine& machine, Mask& in_text, TokenUse dsml,
                                            TokenUse eos) {
    const JsonText text = machine.text(machine.place());
    Mask& mask = text != JsonText::none ? in_text : tags_;
    vocabulary_.find(machine, found_);
    std::erase_if(found_, [&](int32_t id) {
        return static_cast<size_t>(id) >= mask.size() ||
               (text == JsonText::name && !vocabulary_.accepts(machine, id));
    });
    for (const int32_t id : found_) mask[static_cast<size_t>(id)] = TokenUse::text;
    changed_ = &mask;
    set(mask, Control::dsml, dsml);
    set(mask, Control::eos, eos);
    return mask;
}

}  // namespace engine
