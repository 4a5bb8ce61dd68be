#pragma once
// Accepts one JSON value byte by byte. Small enough to be copied at every step of a search for the
// tokens that may come next.
#include <cstdint>

namespace engine {

// What a value may be, as bits. A number is an integer too, an integer need not be any number.
namespace json_kinds {
inline constexpr uint8_t null = 1, boolean = 2, integer = 4, number = 8, string = 16, array = 32,
                         object = 64, any = 127;
}

// Where a machine stands in a text inside quotes.
enum class JsonText : uint8_t {
    none,
    // Any byte but a quote, a backslash and those below 0x20 goes on. What may come behind them
    // depends on the text so far,
    listed,
    free,  // or does not;
    name,  // nor here, where a < does not go on either.
};

// RFC 8259 without blanks around the value, and so that every reader takes it: 64 arrays and
// objects deep at most, 64 blanks in a row, numbers of 200 digits and two of exponent, surrogate
// escapes in pairs only. Bytes of strings are not checked to be UTF-8.
class JsonMachine {
public:
    explicit JsonMachine(uint8_t kinds = json_kinds::any) : kinds_(kinds) {}

    // False: no value goes on like that. The machine is of no use afterwards.
    bool push(uint8_t byte);
    // What was pushed is a whole value. A number may go on nevertheless.
    bool complete() const;
    JsonText text() const { return at_ == At::string ? JsonText::free : JsonText::none; }
    // Of a whole number: one without a fraction and without an exponent.
    bool is_integer() const { return at_ == At::zero || at_ == At::digits; }

private:
    enum class At : uint8_t {
        value,
        item_or_end,  // behind [
        key_or_end,   // behind {
        key,          // behind a comma of an object
        colon,
        after_value,  // of an array or an object, or at the end
        string,
        escape,
        hex,
        low_escape,  // the backslash behind a high surrogate
        low_u,
        word,
        minus,
        zero,
        digits,
        point,
        fraction,
        exponent,  // behind e
        exponent_sign,
        exponent_digits,
    };
    bool blank(uint8_t byte);
    bool open(uint8_t byte);
    bool begin_value(uint8_t byte);
    bool begin_word(const char* rest);
    bool end_value();
    bool after_value(uint8_t byte);
    bool close(uint8_t byte);
    bool escape(uint8_t byte);
    bool hex(uint8_t byte);
    bool number(uint8_t byte);
    bool allows(uint8_t kinds) const { return n_deep_ > 0 || (kinds_ & kinds) != 0; }
    bool in_object() const { return (objects_ >> (n_deep_ - 1) & 1) != 0; }

    uint64_t objects_ = 0;        // by depth: an object, else an array
    const char* word_ = nullptr;  // what is left of a literal
    uint16_t code_ = 0;           // of an escape, so far
    At at_ = At::value;
    uint8_t kinds_;  // of the outermost value
    uint8_t n_deep_ = 0;
    uint8_t n_blanks_ = 0;    // in a row
    uint8_t n_digits_ = 0;    // of a number or an escape, so far
    bool is_key_ = false;     // the string is one
    bool wants_low_ = false;  // a high surrogate came
};

}  // namespace engine
