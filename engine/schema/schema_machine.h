#pragma once
// Accepts one JSON value that fits a schema, byte by byte, and none that could not be ended: after
// each byte that it takes there is one that goes on, or the value is whole.
//
// Without blanks around the value and 64 at most in a row inside; objects say their keys in the
// schema's order, as JsonMachine spells strings and numbers. Listed values and keys are spelled as
// Python's json does it; keys of other names have no backslash where a schema lists some.
#include <algorithm>
#include <array>

#include "engine/schema/json_machine.h"
#include "engine/schema/json_schema.h"
#include "engine/schema/narrow.h"

namespace engine {

// Borrows the schema. Copied by whoever looks ahead: a copy takes the levels that are open.
class SchemaMachine {
public:
    SchemaMachine() = default;  // is assigned to before use
    // A value as at the end of `edge`.
    explicit SchemaMachine(const JsonSchema& schema, uint32_t edge = JsonSchema::root());
    SchemaMachine(const SchemaMachine& other) { *this = other; }
    SchemaMachine& operator=(const SchemaMachine& other) {
        schema_ = other.schema_;
        now_ = other.now_;
        std::copy_n(other.frames_.begin(), other.now_.n_deep, frames_.begin());
        return *this;
    }

    // False: no value goes on like that. The machine is of no use afterwards.
    bool push(uint8_t byte);
    // What was pushed is a whole value. A number may go on nevertheless.
    bool complete() const;

    JsonText text() const;

private:
    enum class At : uint8_t {
        value,
        item_or_end,  // behind [
        key_or_end,   // behind {
        key,          // behind a comma of an object
        key_text,
        colon,
        scalar,       // or a listed value
        after_value,  // of an array or an object, or at the end
    };
    static constexpr uint32_t kOther = JsonSchema::kNone - 1;  // Frame::last: a key of no slot

    // An array or object that is open.
    struct Frame {
        uint32_t edge;
        uint32_t alive;  // alternatives of its set that are left
        uint32_t last;   // slot of the last key; kNone: no key yet. Of an array: items begun
    };
    struct Now {
        At at = At::value;
        uint8_t n_deep = 0;
        uint8_t n_blanks = 0;  // in a row
        uint8_t first = 0;     // byte of the scalar
        bool is_free = false;  // the scalar may be a free one, the key of another name
        uint32_t edge = 0;     // to the value under way or next
        uint32_t alive = 0;    // alternatives of its set
        Names names{};         // literals or keys that go on like that
        JsonMachine json{};    // the scalar or the key, if it is free
    };

    bool blank(uint8_t byte);
    bool begin_value(uint8_t byte);
    bool open(At at, uint32_t alive);
    bool scalar(uint8_t byte);
    uint32_t finished() const;
    bool end_value(uint32_t left);
    bool after_value(uint8_t byte);
    bool next_item();
    bool next_key();
    bool begin_key(uint8_t byte);
    bool key_text(uint8_t byte);
    bool end_key(bool is_listed);
    bool go_to_value(uint32_t edge);
    bool close();
    bool narrow_literals(uint8_t byte);
    bool narrow_keys(uint8_t byte);
    uint32_t place(const JsonSchema::ObjectRule& rule) const;
    bool holds(uint8_t n_levels) const { return now_.n_deep + n_levels <= JsonSchema::kDeepMax; }
    bool may_say(const JsonSchema::ObjectRule& rule, uint32_t slot) const;
    bool may_say_other(const JsonSchema::ObjectRule& rule) const;
    bool may_say_more(const JsonSchema::ObjectRule& rule) const;
    bool may_close(const JsonSchema::ObjectRule& rule) const;

    Frame& top() { return frames_[now_.n_deep - size_t{1}]; }
    const Frame& top() const { return frames_[now_.n_deep - size_t{1}]; }
    const JsonSchema::Set& set() const { return schema_->set(now_.edge); }
    const JsonSchema::Set& top_set() const { return schema_->set(top().edge); }
    bool in_object() const { return (top_set().objects & top().alive) != 0; }

    const JsonSchema* schema_ = nullptr;
    Now now_;
    std::array<Frame, JsonSchema::kDeepMax> frames_;  // the first n_deep
};

}  // namespace engine
