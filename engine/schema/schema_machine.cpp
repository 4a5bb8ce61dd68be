#include "engine/schema/schema_machine.h"

namespace engine {
namespace {

constexpr uint8_t kBlanksMax = 64;
constexpr auto kTextOfNamed = [](const auto& named) -> const std::string& { return named.text; };

// Calls `take` with each bit of a mask and its alternative; true from it: keeps the bit.
template <class Take>
uint32_t kept(const JsonSchema::Set& set, uint32_t mask, Take&& take) {
    uint32_t out = 0;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const auto i = static_cast<size_t>(__builtin_ctz(rest));
        if (take(set.alternatives[i])) out |= uint32_t{1} << i;
    }
    return out;
}

// The one kind of a scalar that is whole.
uint8_t kind_of(uint8_t first, const JsonMachine& json) {
    switch (first) {
        case '"':
            return json_kinds::string;
        case 't':
        case 'f':
            return json_kinds::boolean;
        case 'n':
            return json_kinds::null;
        default:
            return json.is_integer() ? json_kinds::integer : json_kinds::number;
    }
}

}  // namespace

SchemaMachine::SchemaMachine(const JsonSchema& schema, uint32_t edge) : schema_(&schema) {
    now_.edge = edge;
    now_.alive = UINT32_MAX >> (JsonSchema::kAlternativesMax - set().alternatives.size());
}

bool SchemaMachine::push(uint8_t byte) {
    switch (now_.at) {
        case At::value:
            return blank(byte) || begin_value(byte);
        case At::item_or_end:
            if (byte == ']') return close();
            return blank(byte) || (next_item() && begin_value(byte));
        case At::key_or_end:
            if (byte == '}') return close();
            return blank(byte) || (next_key() && begin_key(byte));
        case At::key:
            return blank(byte) || begin_key(byte);
        case At::key_text:
            return key_text(byte);
        case At::colon:
            if (byte == ':') return go_to_value(now_.edge);
            return blank(byte);
        case At::scalar:
            return scalar(byte);
        case At::after_value:
            return after_value(byte);
    }
    return false;
}

bool SchemaMachine::complete() const {
    if (now_.n_deep > 0) return false;
    return now_.at == At::after_value || (now_.at == At::scalar && finished() != 0);
}

JsonText SchemaMachine::text() const {
    const bool is_text = now_.at == At::scalar || now_.at == At::key_text;
    if (!is_text || !now_.is_free || now_.json.text() == JsonText::none) return JsonText::none;
    return now_.names.any() ? JsonText::listed : JsonText::free;
}

bool SchemaMachine::blank(uint8_t byte) {
    const bool is_blank = byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
    return is_blank && now_.n_deep > 0 && now_.n_blanks++ < kBlanksMax;
}

bool SchemaMachine::begin_value(uint8_t byte) {
    const JsonSchema::Set& set = this->set();
    now_.n_blanks = 0;
    if (byte == '{' && (now_.alive & set.objects)) {
        return open(At::key_or_end, now_.alive & set.objects);
    }
    if (byte == '[' && (now_.alive & set.arrays)) {
        return open(At::item_or_end, now_.alive & set.arrays);
    }
    uint8_t kinds = 0;
    kept(set, now_.alive,
         [&](const auto& alternative) { return kinds |= alternative.kinds, true; });
    now_.json = JsonMachine(kinds);
    now_.first = byte;
    now_.is_free = kinds != 0 && now_.json.push(byte);
    now_.names = {0, static_cast<uint32_t>(set.literals.size()), 0};
    now_.at = At::scalar;
    const bool is_listed = narrow_literals(byte);
    return now_.is_free || is_listed;
}

bool SchemaMachine::open(At at, uint32_t alive) {
    frames_[now_.n_deep++] = {now_.edge, alive, at == At::key_or_end ? JsonSchema::kNone : 0};
    now_.at = at;
    return true;
}

// A number ends at the first byte that is none of its own, and so does everything.
bool SchemaMachine::scalar(uint8_t byte) {
    const uint32_t left = finished();
    JsonMachine ahead = now_.json;
    const bool is_free = now_.is_free && ahead.push(byte);
    const bool is_listed = narrow_literals(byte);
    if (is_free || is_listed) {
        now_.is_free = is_free;
        now_.json = ahead;
        return true;
    }
    return left != 0 && end_value(left) && after_value(byte);
}

// Alternatives that the scalar fits if it ends here.
uint32_t SchemaMachine::finished() const {
    const JsonSchema::Set& set = this->set();
    uint32_t left = 0;
    if (now_.is_free && now_.json.complete()) {
        const uint8_t kind = kind_of(now_.first, now_.json);
        left = kept(set, now_.alive, [kind](const auto& one) { return (one.kinds & kind) != 0; });
    }
    if (!now_.names.whole(set.literals, kTextOfNamed)) return left;
    return left | (set.literals[now_.names.begin].owners & now_.alive);
}

// What the value turned out to be decides what is left of the object or array around it.
bool SchemaMachine::end_value(uint32_t left) {
    now_.at = At::after_value;
    now_.n_blanks = 0;
    if (now_.n_deep == 0) return true;
    const JsonSchema::Edge& edge = schema_->edge(now_.edge);
    uint32_t owners = 0;
    for (uint32_t rest = left; rest != 0; rest &= rest - 1) {
        owners |= edge.from[static_cast<size_t>(__builtin_ctz(rest))];
    }
    top().alive &= owners;
    return true;
}

bool SchemaMachine::after_value(uint8_t byte) {
    if (now_.n_deep == 0) return false;
    if (blank(byte)) return true;
    now_.n_blanks = 0;
    if (in_object()) return byte == ',' ? next_key() : byte == '}' && close();
    return byte == ',' ? next_item() : byte == ']' && close();
}

bool SchemaMachine::next_item() {
    Frame& frame = top();
    const uint32_t alive = kept(top_set(), frame.alive, [&](const auto& alternative) {
        return frame.last < alternative.array.n_max && holds(alternative.array.n_deep);
    });
    if (alive == 0) return false;
    frame.alive = alive;
    if (frame.last < UINT32_MAX) ++frame.last;
    return go_to_value(top_set().items);
}

bool SchemaMachine::next_key() {
    Frame& frame = top();
    const uint32_t alive = kept(top_set(), frame.alive, [&](const auto& alternative) {
        return may_say_more(alternative.object);
    });
    if (alive == 0) return false;
    frame.alive = alive;
    now_.at = At::key;
    return true;
}

bool SchemaMachine::begin_key(uint8_t byte) {
    if (byte != '"') return false;
    const JsonSchema::Set& set = top_set();
    now_.at = At::key_text;
    now_.n_blanks = 0;
    now_.names = {0, static_cast<uint32_t>(set.keys.size()), 0};
    now_.is_free = kept(set, top().alive, [&](const auto& alternative) {
                       return may_say_other(alternative.object);
                   }) != 0;
    now_.json = JsonMachine(json_kinds::string);
    now_.json.push(byte);
    return true;
}

bool SchemaMachine::key_text(uint8_t byte) {
    const JsonSchema::Set& set = top_set();
    const bool is_listed = now_.names.whole(set.keys, kTextOfNamed);
    JsonMachine ahead = now_.json;
    bool is_free = now_.is_free && ahead.push(byte);
    // Another spelling of a listed key would be that key.
    if (byte == '\\' && !set.keys.empty()) is_free = false;
    const bool ends_free = is_free && ahead.complete();
    if (byte == '"' && (is_listed || ends_free)) {
        now_.is_free = ends_free;
        return end_key(is_listed);
    }
    now_.is_free = is_free;
    now_.json = ahead;
    return narrow_keys(byte) || is_free;
}

bool SchemaMachine::end_key(bool is_listed) {
    Frame& frame = top();
    const JsonSchema::Set& set = top_set();
    const uint32_t slot = is_listed ? now_.names.begin : kOther;
    const uint32_t alive = kept(set, frame.alive, [&](const auto& alternative) {
        const JsonSchema::ObjectRule& rule = alternative.object;
        const bool is_own = is_listed && rule.places[slot] != JsonSchema::kNone;
        return is_own ? may_say(rule, slot) : now_.is_free && may_say_other(rule);
    });
    if (alive == 0) return false;
    frame.alive = alive;
    frame.last = slot;
    now_.edge = is_listed ? set.keys[slot].edge : set.other;
    now_.at = At::colon;
    now_.n_blanks = 0;
    return true;
}

bool SchemaMachine::go_to_value(uint32_t edge) {
    const JsonSchema::Edge& way = schema_->edge(edge);
    const JsonSchema::Set& set = schema_->set(edge);
    now_.edge = edge;
    now_.alive = 0;
    for (size_t i = 0; i < way.from.size(); ++i) {
        const bool is_left = (way.from[i] & top().alive) != 0 && holds(set.alternatives[i].n_deep);
        if (is_left) now_.alive |= uint32_t{1} << i;
    }
    now_.at = At::value;
    now_.n_blanks = 0;
    return now_.alive != 0;
}

bool SchemaMachine::close() {
    const Frame frame = top();
    const bool is_object = in_object();
    const uint32_t left = kept(top_set(), frame.alive, [&](const auto& alternative) {
        return is_object ? may_close(alternative.object) : frame.last >= alternative.array.n_min;
    });
    if (left == 0) return false;
    now_.edge = frame.edge;
    --now_.n_deep;
    return end_value(left);
}

bool SchemaMachine::narrow_literals(uint8_t byte) {
    const std::vector<JsonSchema::Literal>& literals = set().literals;
    Names& names = now_.names;
    names.narrow(literals, kTextOfNamed, byte);
    const bool is_any = std::any_of(
        literals.begin() + names.begin, literals.begin() + names.end,
        [this](const JsonSchema::Literal& literal) { return (literal.owners & now_.alive) != 0; });
    if (!is_any) names.end = names.begin;
    return is_any;
}

bool SchemaMachine::narrow_keys(uint8_t byte) {
    const JsonSchema::Set& set = top_set();
    Names& names = now_.names;
    names.narrow(set.keys, kTextOfNamed, byte);
    if (!names.any()) return false;
    return kept(set, top().alive, [&](const auto& alternative) {
               const JsonSchema::ObjectRule& rule = alternative.object;
               const auto n = static_cast<uint32_t>(rule.slots.size());
               for (uint32_t i = place(rule); i < n; ++i) {
                   const uint32_t slot = rule.slots[i];
                   const bool goes_on = slot >= names.begin && slot < names.end;
                   if (goes_on && may_say(rule, slot)) return true;
                   if (rule.required[i] == i) break;
               }
               return false;
           }) != 0;
}

// The first of an object's keys that may still come.
uint32_t SchemaMachine::place(const JsonSchema::ObjectRule& rule) const {
    const uint32_t last = top().last;
    const auto n = static_cast<uint32_t>(rule.slots.size());
    if (last == JsonSchema::kNone) return 0;
    if (last == kOther || rule.places[last] == JsonSchema::kNone) return n;
    return rule.places[last] + 1;
}

bool SchemaMachine::may_say(const JsonSchema::ObjectRule& rule, uint32_t slot) const {
    const uint32_t from = place(rule);
    const uint32_t at = rule.places[slot];
    return at >= from && at <= rule.required[from] && at < rule.n_deep.size() &&
           holds(rule.n_deep[at]);
}

bool SchemaMachine::may_say_other(const JsonSchema::ObjectRule& rule) const {
    return rule.is_open && may_close(rule) && holds(rule.n_deep_other);
}

bool SchemaMachine::may_say_more(const JsonSchema::ObjectRule& rule) const {
    const uint32_t from = place(rule);
    const uint32_t end =
        std::min<uint32_t>(rule.required[from] + 1, static_cast<uint32_t>(rule.slots.size()));
    for (uint32_t i = from; i < end; ++i) {
        if (holds(rule.n_deep[i])) return true;
    }
    return may_say_other(rule);
}

bool SchemaMachine::may_close(const JsonSchema::ObjectRule& rule) const {
    return rule.required[place(rule)] == rule.slots.size();
}

}  // namespace engine
